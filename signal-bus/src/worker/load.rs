//! What a handler is called with, and how that has ended.

use std::sync::Arc;

use crate::{
    error::Failure,
    guarded::caught,
    observe::letters::DeadReason,
    queue::{Ending, entry::Entry},
    scope::running::Running,
    signal::{
        arrival::{Arrival, Ended},
        label::Origin,
    },
    worker::{Work, retry::Handled},
};

/// How the handling of a load has ended.
#[must_use = "what was handled is outstanding until it is settled"]
pub(super) struct Settled {
    pub(super) keys: Keys,
    pub(super) ending: Ending,
}

impl Settled {
    pub(super) fn finish(&self, running: &Running, work: &Work) {
        let (keys, ending) = (self.keys.as_slice(), self.ending);
        running.exchange.finish(work.queue, work.id, keys, ending);
    }
}

/// Says how the handling of signals has ended that came from other processes.
pub(super) fn tell(arrivals: Vec<Arc<dyn Arrival>>, handled: &Handled) {
    let how = || match (&handled.outcome, handled.verdict.reason) {
        (Ok(()), _) => Ended::Done,
        (Err(_), DeadReason::Closing) => Ended::Returned,
        (Err(failure), _) => dead(failure),
    };
    for arrival in arrivals {
        arrival.ended(how());
    }
}

/// That a handler has failed, in words: the error is the user's, and may panic.
pub(super) fn dead(failure: &Failure) -> Ended {
    let words = caught(|| failure.to_string());
    Ended::Dead(words.unwrap_or_else(|panic| panic))
}

/// What a handler is called with.
pub(super) enum Load {
    One(Entry),
    Batch(Vec<Entry>),
}

/// The keys of what a handler is called with, without an allocation where it is one.
pub(super) enum Keys {
    One([u64; 1]),
    Batch(Vec<u64>),
}

impl Keys {
    pub(super) fn as_slice(&self) -> &[u64] {
        match self {
            Self::One(key) => key,
            Self::Batch(keys) => keys,
        }
    }
}

impl Load {
    pub(super) fn entries(&self) -> &[Entry] {
        match self {
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Batch(entries) => entries,
        }
    }

    /// Those of its signals that came from other processes, where somebody waits to hear what became of them.
    ///
    /// Of a responder also those to which somebody waits for a reply.
    pub(super) fn arrivals(&self, replies: bool) -> Vec<Arc<dyn Arrival>> {
        let came = self.entries().iter();
        let came = came.filter_map(|entry| entry.signal.label().stamp.came.as_ref());
        let arrivals = came.filter_map(|came| {
            let requested = || {
                came.requested()
                    .filter(|_| replies)
                    .map(|one| Arc::clone(one) as _)
            };
            came.arrival().cloned().or_else(requested)
        });
        arrivals.collect()
    }

    pub(super) fn keys(&self) -> Keys {
        match self {
            Self::One(entry) => Keys::One([entry.key]),
            Self::Batch(entries) => Keys::Batch(entries.iter().map(|entry| entry.key).collect()),
        }
    }

    /// What the handler is called with another time.
    pub(super) fn for_next_attempt(&self) -> Self {
        let again = |entry: &Entry| Entry {
            signal: entry.signal.for_next_attempt(),
            key: entry.key,
            since: entry.since,
            // It waits in no queue any more.
            ticket: None,
        };
        match self {
            Self::One(entry) => Self::One(again(entry)),
            Self::Batch(entries) => Self::Batch(entries.iter().map(again).collect()),
        }
    }

    /// What leads to what the handler publishes: for a batch, its last signal, which came after all others.
    pub(super) fn origin(&self) -> Origin {
        let last = self
            .entries()
            .last()
            .expect("a handler is called with something");
        last.signal.leads()
    }
}
