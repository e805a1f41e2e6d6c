//! The hub is a bus: publishers' requests publish what was accepted, and one subscriber gives each event its place in the row,
//! keeps it, and hands it to the streams that want it.

mod index;
pub(crate) mod filter;
pub(crate) mod stream;
mod placing;
pub(crate) mod common;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use signal_bus::{Bus, BusGuard, BusHandle, Health, StartError, Topic};
use tokio::{
    sync::{oneshot, watch},
    task::yield_now,
    time::timeout,
};

use crate::{
    access::acl::Rights,
    backlog::{Backlog, Since, line::Keep, past::Past},
    clock,
    event::{Draft, Event},
    hub::{
        common::Common,
        filter::Filter,
        index::{Index, Places},
        placing::place_all,
        stream::{End, QueueLimits, Stream},
    },
    mutex::lock,
    topic::Wanted,
};

/// What was accepted and has no place yet.
static ACCEPTED: Topic<Accepted> = Topic::new("gateway.accepted");
/// So many may wait there before publishers wait.
const ACCEPTED_MAX: usize = 4096;
/// So many events of the past are looked at before others go on.
const LOOKED_AT_MAX: usize = 64;
/// For so long a reader waits for what was accepted to have its place; it comes in any case.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

/// A draft on its way through the bus.
#[derive(Debug)]
struct Accepted {
    /// Taken by the one who gives it its place.
    draft: Mutex<Option<Draft>>,
    /// Who waits until it is kept, if anybody does.
    kept: Mutex<Option<oneshot::Sender<bool>>>,
}

/// Why an event was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The gateway stops.
    Closed,
    /// The event could not be stored, and storing was asked for.
    NotStored,
    /// It cannot be shared with the other gateways at the moment; nobody will see it.
    NotShared,
    /// It may be shared with the other gateways, or not.
    Unknown,
    /// It is larger than can be shared.
    TooLarge,
}

/// This gateway does not know yet what another one has shown already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Behind;

/// The middle of the gateway, for those who publish and those who subscribe.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    bus: BusHandle,
    row: Arc<Row>,
    /// Whether a publisher waits until its event is kept.
    is_awaited: bool,
    /// Who keeps the row, if several gateways show it.
    common: Option<Arc<dyn Common>>,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: AtomicU64,
    pub(crate) deliveries: AtomicU64,
    pub(crate) too_slow: AtomicU64,
    pub(crate) store_failures: AtomicU64,
    /// Messages of others that were no events.
    pub(crate) unreadable: AtomicU64,
}

/// All events in their order, and who gets them.
#[derive(Debug)]
struct Row {
    inner: Mutex<Inner>,
    streams_count: AtomicUsize,
    limits: QueueLimits,
    tally: Tally,
    /// Why nothing can be kept, or read of what others have shared, at present.
    store_fault: Mutex<Option<String>>,
    /// Drafts that were accepted so far; in a common row, the number of the last one.
    accepted: AtomicU64,
    /// Those of them that have their place, or were refused at last; in a common row, the number up to which it was read.
    settled: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    backlog: Backlog,
    index: Index,
    is_closed: bool,
}

impl Hub {
    /// Starts the bus; the future that comes with it is the subscriber, which runs until the bus is closed.
    pub(crate) async fn start(
        backlog: Backlog,
        limits: QueueLimits,
        keep: Option<impl Keep>,
    ) -> Result<(Self, BusGuard, impl Future<Output = ()> + Send), StartError> {
        let bus = Bus::empty().start().await?;
        let row = Arc::new(Row::new(backlog, limits));
        let accepted = bus
            .subscription(ACCEPTED)
            .capacity(ACCEPTED_MAX)
            .subscribe();
        let accepted =
            accepted.expect("the bus has just been started, and nothing else is on the topic");
        let hub = Self {
            bus: BusHandle::clone(&bus),
            row: Arc::clone(&row),
            is_awaited: keep.as_ref().is_some_and(Keep::is_awaited),
            common: None,
        };
        Ok((hub, bus, place_all(accepted, row, keep)))
    }

    /// Waits until what was accepted has its place.
    pub(crate) async fn settle(&self) {
        let accepted = self.row.accepted.load(Ordering::Relaxed);
        self.reaches(accepted).await;
    }

    async fn reaches(&self, number: u64) {
        let mut settled = self.row.settled.subscribe();
        drop(settled.wait_for(|settled| number <= *settled).await);
    }

    /// Publishes a draft, and returns when it is in the row's line; or when it is kept, if that was asked for.
    pub(crate) async fn publish(&self, draft: Draft) -> Result<(), Refused> {
        if let Some(common) = &self.common {
            let place = common.publish(draft).await.inspect_err(|_| {
                self.row
                    .tally
                    .store_failures
                    .fetch_add(1, Ordering::Relaxed);
            })?;
            self.row.accepted.fetch_max(place, Ordering::Relaxed);
            return Ok(());
        }
        let (sender, kept) = if self.is_awaited {
            let (sender, kept) = oneshot::channel();
            (Some(sender), Some(kept))
        } else {
            (None, None)
        };
        let accepted = Accepted {
            draft: Mutex::new(Some(draft)),
            kept: Mutex::new(sender),
        };
        let published = self.bus.publish(ACCEPTED, accepted).await;
        published.map_err(|_| Refused::Closed)?;
        self.row.accepted.fetch_add(1, Ordering::Relaxed);
        let is_kept = match kept {
            Some(kept) => kept.await.unwrap_or(false),
            None => true,
        };
        is_kept.then_some(()).ok_or(Refused::NotStored)
    }

    /// Takes a place for a reader. What it asks for of the past joins what it gets from now on: nothing is missing, or there twice.
    pub(crate) async fn subscribe(
        &self,
        wanted: Wanted,
        rights: Arc<Rights>,
        filter: Option<Filter>,
        since: Since,
    ) -> Result<Seat, Behind> {
        if since != Since::default() {
            // What a publisher was told is accepted is the past.
            match &self.common {
                None => self.settle().await,
                Some(common) => {
                    drop(timeout(SETTLED_WITHIN, self.settle()).await);
                    self.catch_up(&**common, since.cursor).await?;
                }
            }
        }
        let stream = Arc::new(Stream::new(wanted, rights, filter, self.row.limits));
        let mut inner = lock(&self.row.inner);
        let now = clock::now();
        let past = inner.backlog.since(since, now);
        let is_stale = since
            .cursor
            .is_some_and(|cursor| !inner.backlog.knows(cursor, now));
        let places = inner.index.insert(&stream);
        if inner.is_closed {
            stream.end(End::Closed);
        }
        self.row
            .streams_count
            .store(inner.index.streams_count(), Ordering::Relaxed);
        drop(inner);
        Ok(Seat {
            past: past.map(Box::new),
            is_stale,
            row: Arc::clone(&self.row),
            places,
            stream,
        })
    }

    /// How many streams are open.
    pub(crate) fn streams_count(&self) -> usize {
        self.row.streams_count.load(Ordering::Relaxed)
    }

    /// How the bus is.
    pub(crate) fn health(&self) -> Health {
        self.bus.health()
    }

    /// How often something could not be kept.
    pub(crate) fn store_failures(&self) -> u64 {
        self.row.tally.store_failures.load(Ordering::Relaxed)
    }

    /// Why nothing can be kept at present, or read of what others have shared, if that is so.
    pub(crate) fn store_fault(&self) -> Option<String> {
        lock(&self.row.store_fault).clone()
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.row.tally
    }

    /// How many events the backlog keeps.
    pub(crate) fn backlog_len(&self) -> usize {
        lock(&self.row.inner).backlog.len()
    }

    /// Ends all streams, after what waits for them.
    pub(crate) fn end_streams(&self) {
        let mut inner = lock(&self.row.inner);
        inner.is_closed = true;
        for stream in inner.index.streams() {
            stream.end(End::Closed);
        }
    }
}

impl Row {
    fn new(backlog: Backlog, limits: QueueLimits) -> Self {
        Self {
            inner: Mutex::new(Inner {
                backlog,
                index: Index::default(),
                is_closed: false,
            }),
            streams_count: AtomicUsize::new(0),
            limits,
            tally: Tally::default(),
            store_fault: Mutex::default(),
            accepted: AtomicU64::new(0),
            settled: watch::Sender::new(0),
        }
    }
}

/// A reader's place in the hub; it leaves when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    /// What it asked for of the past, as far as it has not got it.
    past: Option<Box<Past>>,
    /// Whether the event after which it wanted to go on is not known any more.
    pub(crate) is_stale: bool,
    stream: Arc<Stream>,
    places: Places,
    row: Arc<Row>,
}

impl Seat {
    /// The next events of the past that it wants and may see; nothing when the present begins.
    pub(crate) async fn take_past(&mut self) -> Option<Vec<Arc<Event>>> {
        loop {
            // Of a long past little may be wanted; others are let go on meanwhile.
            yield_now().await;
            let Some(mut events) = self.past.as_mut()?.look(LOOKED_AT_MAX) else {
                self.past = None;
                return None;
            };
            let stream = &self.stream;
            events.retain(|event| stream.wanted.matches(&event.topics) && stream.takes(event));
            if !events.is_empty() {
                return Some(events);
            }
        }
    }

    /// Moves at most `count` events to `taken`; says why there will be none any more.
    pub(crate) fn poll_take(
        &self,
        taken: &mut Vec<Arc<Event>>,
        count: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), End>> {
        self.stream.poll_take(taken, count, context)
    }

    /// Where the reader sits, for those who change its rights.
    pub(crate) fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Gives a reader up that has read nothing for too long.
    pub(crate) fn give_up(&self) {
        if self.stream.end(End::TooSlow) {
            self.row.tally.too_slow.fetch_add(1, Ordering::Relaxed);
            let wanted = &self.stream.wanted;
            tracing::warn!("a stream of {wanted} is disconnected: its reader reads nothing");
        }
    }

    /// Says that events have reached the reader's connection.
    pub(crate) fn note_delivered(&self, count: usize) {
        let count = count.try_into().unwrap_or(u64::MAX);
        self.row
            .tally
            .deliveries
            .fetch_add(count, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = lock(&self.row.inner);
        inner.index.remove(&self.stream, &self.places);
        self.row
            .streams_count
            .store(inner.index.streams_count(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
