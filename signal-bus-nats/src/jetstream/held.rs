//! What of a stream is in this bus.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hasher},
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
    places: Mutex<Places>,
    /// The stream is another one: its places are those of other messages.
    gone: AtomicBool,
}

type Places = HashSet<u64, BuildHasherDefault<Spread>>;

/// Spreads places, which the server gives one after the other: nobody chooses them, so it takes no more than that.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, place: u64) {
        // The golden ratio: neighbours come to lie far from each other.
        self.0 = (self.0 ^ place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
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

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
