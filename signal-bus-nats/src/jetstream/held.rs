//! What of a stream is in this bus.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The messages of a stream that this bus has, fetched or handled, by their places.
///
/// A consumer that was made anew, or that was not told in time, hands out a second copy of them. It is left alone: the word about
/// the first one counts for both.
#[derive(Default, Debug)]
pub(super) struct Held {
    places: Mutex<HashSet<u64>>,
    /// The stream is another one: its places are those of other messages.
    gone: AtomicBool,
}

impl Held {
    /// Whether it was not held before.
    pub(super) fn hold(&self, place: u64) -> bool {
        self.lock().insert(place)
    }

    pub(super) fn let_go(&self, place: u64) {
        self.lock().remove(&place);
    }

    pub(super) fn end(&self) {
        self.gone.store(true, Ordering::Release);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
