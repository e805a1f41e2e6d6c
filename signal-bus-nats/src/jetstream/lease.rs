//! Leases, in a bucket of keys and values: each key has one last revision, and who writes says which one he has seen.
//!
//! Nobody compares the clocks of machines. Who waits takes the lease when a revision has stood for as long as its holder has asked for, by
//! his own clock, since he saw it; the age of a mark is told by the times at which the server has stored what.

use std::{error::Error as _, pin::Pin, sync::Arc, time::Duration};

use async_nats::{
    Subscriber,
    jetstream::kv::{self, UpdateErrorKind},
};
use futures_util::{FutureExt as _, StreamExt as _};
use signal_bus::{
    ConnectionState,
    transport::{
        Holding, Lease, LeaseRequest, Mark, TransportError, TransportFault, TransportFuture,
    },
};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    fault::{closed, failed},
    jetstream::{
        Shared,
        bucket::{self, Written},
    },
};

/// How often somebody else may be faster.
const ATTEMPTS_MAX: usize = 8;

/// A lease, as this connection sees it.
#[derive(Debug)]
pub(super) struct BucketLease {
    shared: Arc<Shared>,
    store: kv::Store,
    request: LeaseRequest,
    key: String,
    /// Where the server gets to hear what is written.
    subject: String,
    known: Mutex<Known>,
    /// What is written by anybody.
    heard: Mutex<Subscriber>,
}

/// What is known of a lease.
#[derive(Default, Debug)]
struct Known {
    /// The last revision, and since when it was seen.
    seen: Option<(u64, Instant)>,
    /// What was written last, if that was by this bus.
    own: Option<Own>,
}

/// What this bus has written last.
#[derive(Clone, Debug)]
struct Own {
    revision: u64,
    mark: Option<(u64, u64)>,
    /// What the server's clock showed, in nanoseconds since 1970, and when it did.
    clock: (u64, Instant),
}

/// What stands in the bucket.
struct Found {
    revision: u64,
    written: Written,
}

impl Own {
    /// What the server's clock shows.
    fn now(&self) -> u64 {
        let (shown, at) = self.clock;
        let since = u64::try_from(at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        shown.saturating_add(since)
    }

    fn holding(&self) -> Holding {
        let marked = self.mark.map(|(number, at)| {
            let ago = self.now().saturating_sub(at);
            Mark::new(number, Duration::from_nanos(ago))
        });
        Holding::Ours { marked }
    }
}

impl BucketLease {
    pub(super) async fn open(
        shared: &Arc<Shared>,
        request: &LeaseRequest,
    ) -> Result<Self, TransportError> {
        let name = &request.scope;
        let store = bucket::open(&shared.context, name, shared.buckets.as_ref()).await?;
        let key = bucket::key(shared.subjects.prefix(), &request.name);
        let subject = format!("$KV.{name}.{key}");
        let heard = shared.connected.client.subscribe(subject.clone()).await;
        let heard = heard.map_err(|error| {
            let what = format!("cannot subscribe to `{subject}`");
            failed(TransportFault::Refused, what, &error)
        })?;
        Ok(Self {
            shared: Arc::clone(shared),
            store,
            request: request.clone(),
            key,
            subject,
            known: Mutex::default(),
            heard: Mutex::new(heard),
        })
    }

    async fn held(&self, mark: Option<u64>) -> Result<Holding, TransportError> {
        self.check()?;
        self.forget_heard();
        let mut known = self.known.lock().await;
        for _ in 0..ATTEMPTS_MAX {
            // What is not known to have been written well is looked at again.
            if let Some(own) = known.own.take()
                && let Some(own) = self.renew(own, mark).await?
            {
                let holding = own.holding();
                known.own = Some(own);
                return Ok(holding);
            }
            let found = self.find().await?;
            if let Some((holder, free_in)) = self.taken(&mut known, &found) {
                return Ok(Holding::Theirs { holder, free_in });
            }
            let Some(own) = self.take(&found).await? else {
                continue;
            };
            let holding = own.holding();
            known.own = Some(own);
            // Only now it is known what the server's clock shows.
            if mark.is_none() {
                return Ok(holding);
            }
        }
        Err(self.unknown("others write at the same time"))
    }

    /// Nothing is sent to a server that is not there: the client would keep it until then.
    fn check(&self) -> Result<(), TransportError> {
        if *self.shared.closes.borrow() {
            return Err(closed());
        }
        match self.shared.connected.state() {
            ConnectionState::Down { reason } => {
                Err(TransportError::new(TransportFault::Unreachable, reason))
            }
            ConnectionState::Failed { reason } => Err(TransportError::new(
                self.shared.connected.events.fault(),
                reason,
            )),
            _ => Ok(()),
        }
    }

    /// Writes again what is this bus's own; `None` if somebody else has written since.
    async fn renew(&self, mut own: Own, mark: Option<u64>) -> Result<Option<Own>, TransportError> {
        if let Some(number) = mark {
            own.mark = Some((number, own.now()));
        }
        let revision = self.write(own.revision, true, own.mark).await?;
        Ok(revision.map(|revision| Own { revision, ..own }))
    }

    /// Who has it, and for how long at most; `None` if it may be taken.
    fn taken(&self, known: &mut Known, found: &Found) -> Option<(String, Duration)> {
        let now = Instant::now();
        let since = match known.seen {
            Some((revision, since)) if revision == found.revision => since,
            _ => now,
        };
        known.seen = Some((found.revision, since));
        let holder = found.written.holder.as_ref()?;
        let lasts = Duration::from_millis(found.written.milliseconds);
        let free_in = lasts.saturating_sub(now.duration_since(since));
        let waits = *holder != self.request.holder && !free_in.is_zero();
        waits.then(|| (holder.clone(), free_in))
    }

    /// Takes it; `None` if somebody else was faster.
    async fn take(&self, found: &Found) -> Result<Option<Own>, TransportError> {
        let mark = found.written.mark;
        let Some(revision) = self.write(found.revision, true, mark).await? else {
            return Ok(None);
        };
        let written_at = Instant::now();
        let stored = self.store.entry_for_revision(&*self.key, revision).await;
        let stored = stored.map_err(|error| {
            let what = format!(
                "cannot read `{}` of the bucket `{}`",
                self.key, self.request.scope
            );
            failed(TransportFault::Unknown, what, &error)
        })?;
        let stored = stored.ok_or_else(|| self.unknown("what was written is not there"))?;
        let shown = stored.created.unix_timestamp_nanos();
        Ok(Some(Own {
            revision,
            mark,
            clock: (u64::try_from(shown).unwrap_or_default(), written_at),
        }))
    }

    async fn find(&self) -> Result<Found, TransportError> {
        let bucket = &self.request.scope;
        let entry = self.store.entry(&*self.key).await.map_err(|error| {
            let what = format!("cannot read `{}` of the bucket `{bucket}`", self.key);
            failed(TransportFault::Unknown, what, &error)
        })?;
        let Some(entry) = entry else {
            return Ok(Found {
                revision: 0,
                written: Written::default(),
            });
        };
        let written = Written::read(&entry.value).ok_or_else(|| {
            let reason = format!(
                "`{}` of the bucket `{bucket}` is something else than a lease",
                self.key
            );
            TransportError::new(TransportFault::Refused, reason)
        })?;
        Ok(Found {
            revision: entry.revision,
            written,
        })
    }

    /// Writes, if the last revision is still this one.
    async fn write(
        &self,
        revision: u64,
        holds: bool,
        mark: Option<(u64, u64)>,
    ) -> Result<Option<u64>, TransportError> {
        let written = Written {
            holder: holds.then(|| self.request.holder.clone()),
            milliseconds: u64::try_from(self.request.time.as_millis()).unwrap_or(u64::MAX),
            mark,
        };
        let events = &self.shared.connected.events;
        let since = events.violations_count();
        let update = self
            .store
            .update(&self.key, written.bytes().into(), revision);
        let error = tokio::select! {
            biased;
            updated = update => match updated {
                Ok(revision) => return Ok(Some(revision)),
                Err(error) => error,
            },
            error = events.violated("Publish", &self.subject, since) => return Err(error),
        };
        if error.kind() == UpdateErrorKind::WrongLastRevision {
            return Ok(None);
        }
        let what = format!(
            "cannot write `{}` in the bucket `{}`",
            self.key, self.request.scope
        );
        let gone = error
            .source()
            .is_some_and(|source| source.to_string().contains("no stream"));
        let fault = if gone {
            TransportFault::Missing
        } else {
            TransportFault::Unknown
        };
        Err(failed(fault, what, &error))
    }

    async fn given_back(&self) -> Result<(), TransportError> {
        self.check()?;
        let mut known = self.known.lock().await;
        let (revision, mark) = match known.own.take() {
            Some(own) => (own.revision, own.mark),
            None => {
                let found = self.find().await?;
                if found.written.holder.as_ref() != Some(&self.request.holder) {
                    return Ok(());
                }
                (found.revision, found.written.mark)
            }
        };
        // If somebody else has written since, it is not ours any more.
        self.write(revision, false, mark).await.map(drop)
    }

    /// What was heard until now is seen in the bucket.
    fn forget_heard(&self) {
        if let Ok(mut heard) = self.heard.try_lock() {
            while let Some(Some(_)) = heard.next().now_or_never() {}
        }
    }

    async fn heard_of_release(&self) {
        let mut heard = self.heard.lock().await;
        while let Some(message) = heard.next().await {
            let written = Written::read(&message.payload);
            if written.is_some_and(|written| written.holder.is_none()) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    fn unknown(&self, said: &str) -> TransportError {
        let reason = format!("who has `{}` is not known: {said}", self.key);
        TransportError::new(TransportFault::Unknown, reason)
    }
}

impl Lease for BucketLease {
    fn hold(&self, mark: Option<u64>) -> TransportFuture<'_, Holding> {
        Box::pin(self.held(mark))
    }

    fn released(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.heard_of_release())
    }

    fn release(&self) -> TransportFuture<'_, ()> {
        Box::pin(self.given_back())
    }
}
