//! Subscriptions that rest, because they have panicked too often.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    queue::{parked::WorkerId, stores::QueueId},
    registry::trip::OnTrip,
};

/// How often a subscription may panic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PanicLimit {
    /// One more trips it.
    pub(crate) panics: usize,
    pub(crate) within: Duration,
}

/// Who rests at the moment.
#[derive(Debug)]
pub(crate) struct Trips {
    pub(crate) limit: PanicLimit,
    /// What happens to those who do not say.
    pub(crate) on_trip: OnTrip,
    tripped: Mutex<HashSet<(QueueId, WorkerId)>>,
}

impl Trips {
    pub(crate) fn new(limit: PanicLimit, on_trip: OnTrip) -> Self {
        Self {
            limit,
            on_trip,
            tripped: Mutex::default(),
        }
    }

    pub(crate) fn add(&self, queue: QueueId, worker: WorkerId) {
        self.lock().insert((queue, worker));
    }

    pub(crate) fn remove(&self, queue: QueueId, worker: WorkerId) {
        self.lock().remove(&(queue, worker));
    }

    /// The subscriptions of which somebody rests.
    pub(crate) fn all(&self) -> HashSet<QueueId> {
        self.lock().iter().map(|(queue, _)| *queue).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(QueueId, WorkerId)>> {
        self.tripped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
