//! A signal in a queue, and what is held as long as it waits.

use std::{fmt, sync::Arc};

use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use crate::{
    guarded,
    signal::{
        Signal,
        arrival::{Arrival as _, Ended},
    },
};

/// A publisher's permission to have one more signal wait; it ends when the signal waits nowhere any more.
pub(crate) type Ticket = Arc<dyn Held>;

/// Something that is held as long as a signal waits.
///
/// A permit by its own name would make every type around it one whose `drop` matters, down to the user's function.
pub(crate) trait Held: fmt::Debug + Send + Sync {}

impl Held for OwnedSemaphorePermit {}

/// A signal in a queue.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) signal: Signal,
    pub(crate) key: u64,
    /// When it came, where a batch counts its time from.
    pub(crate) since: Option<Instant>,
    pub(crate) ticket: Option<Ticket>,
}

impl Entry {
    /// Says what became of the signal, if it came from another process, or if the queue was one of those that reply to it.
    pub(crate) fn ended(&self, replies: bool, how: Ended) {
        let stamp = &self.signal.label().stamp;
        if let Some(arrival) = stamp.arrival() {
            arrival.ended(how);
        } else if let Some(requested) = stamp.requested().filter(|_| replies) {
            requested.ended(how);
        }
    }

    /// Drops the signal, whose value may panic in its `drop`.
    pub(crate) fn discard(self) {
        guarded::discard(self);
    }
}
