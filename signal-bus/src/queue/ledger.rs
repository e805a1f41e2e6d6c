//! The counts of an exchange, taken at one moment.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    queue::{Exchange, State, store::Store, stores::QueueId},
    report::Tally,
};

#[derive(Debug)]
pub(crate) struct Ledger {
    /// What became of the signals of each queue, and how many of them wait.
    pub(crate) tallies: Vec<(QueueId, Tally, u64)>,
    pub(crate) publishing: Vec<Publishing>,
    /// How many queues are gone, and what became of their signals.
    pub(crate) departed: (u64, Tally),
    pub(crate) over_capacity: u64,
    pub(crate) routed: u64,
}

/// A wait for room.
#[derive(Clone, Debug)]
pub(crate) struct Publishing {
    /// The queue that has none.
    pub(crate) queue: QueueId,
    /// What is published on; empty for a broadcast.
    pub(crate) topic: Arc<str>,
    /// Since when the publisher waits that has waited for longest.
    pub(crate) since: Instant,
}

impl Exchange {
    /// Whether a publisher waits for room, or a handler has signals.
    pub(crate) fn is_to_be_watched(&self) -> bool {
        let mut state = self.lock();
        if state.working == 0 {
            return !state.lines.is_empty();
        }
        state.update_all();
        let mut stores = state.stores.iter();
        !state.lines.is_empty() || stores.any(|(_, store)| store.is_busy())
    }
}

impl State {
    /// The waits for room, each with the queue that its first publisher waits for.
    pub(super) fn publishing(&self) -> Vec<Publishing> {
        let mut publishing = Vec::new();
        for line in self.lines.values() {
            let (Some(queue), Some(since)) = (line.waits_for, line.since()) else {
                continue;
            };
            publishing.extend(
                self.without_room(queue)
                    .into_iter()
                    .map(|queue| Publishing {
                        queue,
                        topic: Arc::clone(&line.topic),
                        since,
                    }),
            );
        }
        publishing
    }

    /// Who keeps a queue full: itself, or those of its log that are not done with the oldest of it.
    fn without_room(&self, queue: QueueId) -> Vec<QueueId> {
        let log = self.stores.get(queue).and_then(Store::log);
        let Some(log) = log.map(|log| &self.logs[log.index()]) else {
            return vec![queue];
        };
        let holds_up = |reader: &&QueueId| {
            let store = self.stores.get(**reader);
            let reading = store.and_then(|store| store.reading.as_deref());
            reading.is_some_and(|reading| reading.holds_up(log))
        };
        log.readers().iter().filter(holds_up).copied().collect()
    }
}
