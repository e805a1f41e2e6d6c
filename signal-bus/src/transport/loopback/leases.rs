//! Leases of a loopback network.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{sync::watch, time::Instant};

use crate::{
    clock::later,
    transport::{
        TransportError, TransportFuture,
        lease::{Holding, Lease, LeaseRequest, Mark},
        loopback::{Network, drained},
    },
};

/// All leases of a network, by scope and name.
#[derive(Default, Debug)]
pub(super) struct Leases {
    all: Mutex<HashMap<(String, String), Kept>>,
    /// How many were released.
    released: watch::Sender<u64>,
}

#[derive(Default, Debug)]
struct Kept {
    /// Who has it, and until when.
    held: Option<(String, Instant)>,
    mark: Option<(u64, Instant)>,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Kept>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lease, as one connection sees it.
#[derive(Debug)]
pub(super) struct LoopbackLease {
    network: Arc<Network>,
    closed: Arc<AtomicBool>,
    request: LeaseRequest,
    /// What was released when it was asked for last.
    seen: Mutex<watch::Receiver<u64>>,
}

impl LoopbackLease {
    pub(super) fn new(
        network: Arc<Network>,
        closed: Arc<AtomicBool>,
        request: &LeaseRequest,
    ) -> Self {
        Self {
            seen: Mutex::new(network.leases.released.subscribe()),
            network,
            closed,
            request: request.clone(),
        }
    }

    fn key(&self) -> (String, String) {
        (self.request.scope.clone(), self.request.name.clone())
    }

    fn seen(&self) -> MutexGuard<'_, watch::Receiver<u64>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self, mark: Option<u64>) -> Result<Holding, TransportError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(drained());
        }
        let LeaseRequest { holder, time, .. } = &self.request;
        self.seen().mark_unchanged();
        let now = Instant::now();
        let mut all = self.network.leases.lock();
        let kept = all.entry(self.key()).or_default();
        if let Some((other, until)) = &kept.held {
            if other != holder && now < *until {
                return Ok(Holding::Theirs {
                    holder: other.clone(),
                    free_in: until.duration_since(now),
                });
            }
        }
        kept.held = Some((holder.clone(), later(now, *time)));
        if let Some(number) = mark {
            kept.mark = Some((number, now));
        }
        Ok(Holding::Ours {
            marked: kept
                .mark
                .map(|(number, at)| Mark::new(number, now.duration_since(at))),
        })
    }
}

impl Lease for LoopbackLease {
    fn hold(&self, mark: Option<u64>) -> TransportFuture<'_, Holding> {
        Box::pin(async move { self.held(mark) })
    }

    fn released(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut seen = self.seen().clone();
        Box::pin(async move {
            // The network outlives its leases.
            drop(seen.changed().await);
        })
    }

    fn release(&self) -> TransportFuture<'_, ()> {
        Box::pin(async {
            let leases = &self.network.leases;
            let mut all = leases.lock();
            let kept = all.get_mut(&self.key());
            let ours = |kept: &&mut Kept| {
                let held = kept.held.as_ref();
                held.is_some_and(|(holder, _)| *holder == self.request.holder)
            };
            if let Some(kept) = kept.filter(ours) {
                kept.held = None;
                drop(all);
                leases.released.send_modify(|count| *count += 1);
            }
            Ok(())
        })
    }
}
