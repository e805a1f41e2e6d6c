//! What is noticed of handlers and publishers that take long.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    observe::meter::Meter,
    queue::{ledger::Publishing, parked::WorkerId, stores::QueueId},
    report::latency::Latency,
};

/// A stall is noticed later by so much of the time after which it is one.
const PART_OF_LIMIT: u32 = 8;
/// At most this.
const LOOK_AFTER_MAX: Duration = Duration::from_secs(5);
/// To look more often would be work of its own.
const LOOK_AFTER_MIN: Duration = Duration::from_millis(5);

/// The meters of those who have handled something, and what was told of them.
#[derive(Debug)]
pub(crate) struct Watch {
    /// What takes longer is a stall.
    pub(crate) limit: Duration,
    meters: Mutex<BTreeMap<(QueueId, WorkerId), Arc<Meter>>>,
    /// The waits for room that were told of, and still last.
    told: Mutex<HashSet<(QueueId, Arc<str>)>>,
}

impl Watch {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            meters: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// How often somebody has to look, while anything runs or waits.
    pub(crate) fn look_after(&self) -> Duration {
        (self.limit / PART_OF_LIMIT).clamp(LOOK_AFTER_MIN, LOOK_AFTER_MAX)
    }

    pub(crate) fn add(&self, queue: QueueId, worker: WorkerId, meter: Arc<Meter>) {
        self.meters().insert((queue, worker), meter);
    }

    pub(crate) fn remove(&self, queue: QueueId, worker: WorkerId) {
        self.meters().remove(&(queue, worker));
    }

    /// What was measured of a subscription, and how long it has stalled, if it has.
    pub(crate) fn measured(
        &self,
        queue: QueueId,
        now: Instant,
    ) -> (Option<Latency>, Option<Duration>) {
        let mut latency: Option<Latency> = None;
        let mut stalled_for = None;
        for meter in self.of(queue) {
            match (&mut latency, meter.latency()) {
                (Some(latency), Some(more)) => latency.add(&more),
                (None, other) => latency = other,
                (Some(_), None) => {}
            }
            stalled_for = stalled_for.max(self.stalled(&meter, now));
        }
        (latency, stalled_for)
    }

    fn of(&self, queue: QueueId) -> Vec<Arc<Meter>> {
        let meters = self.meters();
        let workers = meters.range((queue, WorkerId::MIN)..=(queue, WorkerId::MAX));
        workers.map(|(_, meter)| Arc::clone(meter)).collect()
    }

    /// How long what is measured has been running, if that is too long.
    pub(crate) fn stalled(&self, meter: &Meter, now: Instant) -> Option<Duration> {
        meter.look(now).filter(|ran| self.limit <= *ran)
    }

    /// Looks at all handlers; the subscriptions of those that stall, and were not told of.
    pub(crate) fn stalls(&self, now: Instant) -> Vec<(QueueId, Duration)> {
        let meters: Vec<_> = {
            let meters = self.meters();
            let meters = meters.iter();
            meters
                .map(|((queue, _), meter)| (*queue, Arc::clone(meter)))
                .collect()
        };
        let stalls = meters.into_iter().filter_map(|(queue, meter)| {
            let stalled_for = self.stalled(&meter, now)?;
            meter.tell().then_some((queue, stalled_for))
        });
        stalls.collect()
    }

    /// Of the waits for room, those that last for long, each topic and subscription once.
    pub(crate) fn long(
        &self,
        publishing: Vec<Publishing>,
        now: Instant,
    ) -> Vec<(Publishing, Duration)> {
        let mut longest: BTreeMap<_, (Publishing, Duration)> = BTreeMap::new();
        for wait in publishing {
            let waited = now.saturating_duration_since(wait.since);
            let place = (wait.queue, Arc::clone(&wait.topic));
            let longer = longest.get(&place).is_none_or(|(_, other)| *other < waited);
            if self.limit <= waited && longer {
                longest.insert(place, (wait, waited));
            }
        }
        longest.into_values().collect()
    }

    /// Of the long waits for room, those that were not told of.
    pub(crate) fn untold(
        &self,
        mut long: Vec<(Publishing, Duration)>,
    ) -> Vec<(Publishing, Duration)> {
        let place = |wait: &Publishing| (wait.queue, Arc::clone(&wait.topic));
        let lasting = long.iter().map(|(wait, _)| place(wait)).collect();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *told, lasting);
        drop(told);
        long.retain(|(wait, _)| !before.contains(&place(wait)));
        long
    }

    fn meters(&self) -> MutexGuard<'_, BTreeMap<(QueueId, WorkerId), Arc<Meter>>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
