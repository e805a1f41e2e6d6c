//! Signals that have come over bridges, so that none comes twice.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{latch::Latch, signal::id::SignalId};

/// How many signals are remembered at least.
const REMEMBERED_MIN: usize = 16_384;
/// So many full subscriptions may a signal come later over one way than over another.
const WAYS_MAX: usize = 16;

/// The signals of other buses that have come lately, each by the bus it was published on and its id there.
#[derive(Debug)]
pub(crate) struct Passages {
    remembered: usize,
    state: Mutex<State>,
}

type Key = (u64, SignalId);

#[derive(Default, Debug)]
struct State {
    /// Each with a latch that is opened when it is in, as long as it is not.
    there: HashMap<Key, Option<Arc<Latch>>>,
    order: VecDeque<Key>,
}

/// How a signal comes.
pub(crate) enum Entered<'a> {
    /// For the first time; it has come in when this is dropped.
    First(Passing<'a>),
    /// It is here, or it comes in just now: the latch is open when it has.
    Again(Arc<Latch>),
}

/// A signal that comes in.
pub(crate) struct Passing<'a> {
    passages: &'a Passages,
    key: Key,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        let mut state = self.passages.lock();
        let latch = state.there.get_mut(&self.key).and_then(Option::take);
        drop(state);
        latch.into_iter().for_each(|latch| latch.open());
    }
}

impl Passages {
    /// For buses whose subscriptions have room for `capacity` signals.
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self {
            remembered: capacity.get().saturating_mul(WAYS_MAX).max(REMEMBERED_MIN),
            state: Mutex::default(),
        }
    }

    /// Whether a signal comes for the first time.
    pub(crate) fn enter(&self, key: Key) -> Entered<'_> {
        let mut state = self.lock();
        if let Some(coming) = state.there.get(&key) {
            return Entered::Again(match coming {
                Some(latch) => Arc::clone(latch),
                None => Arc::new(Latch::opened()),
            });
        }
        state.there.insert(key, Some(Arc::default()));
        state.order.push_back(key);
        if self.remembered < state.order.len() {
            let oldest = state.order.pop_front();
            let oldest = oldest.and_then(|oldest| state.there.remove(&oldest));
            oldest.flatten().into_iter().for_each(|latch| latch.open());
        }
        drop(state);
        Entered::First(Passing {
            passages: self,
            key,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
