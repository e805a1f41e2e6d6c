//! Signals that have come over bridges, so that none comes twice.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time;

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
    /// Each with how it comes in, as long as it does.
    there: HashMap<Key, Option<Arc<Coming>>>,
    order: VecDeque<Key>,
}

/// How a signal comes.
pub(crate) enum Entered<'a> {
    /// For the first time; it has come in when this is dropped.
    First(Passing<'a>),
    /// It is here, if nothing more is known, or it comes in just now.
    Again(Option<Arc<Coming>>),
}

/// A signal that comes in just now.
#[derive(Default, Debug)]
pub(crate) struct Coming {
    /// Opened when it waits for room; until then nothing keeps it up.
    waits: Latch,
    /// Opened when it is in.
    is_in: Latch,
}

impl Coming {
    /// Waits until it is in, but only for so long if there is no room for it.
    pub(crate) async fn is_in(&self, within: Duration) {
        let too_long = async {
            self.waits.wait().await;
            time::sleep(within).await;
        };
        tokio::select! {
            () = self.is_in.wait() => {}
            () = too_long => {}
        }
    }
}

/// A signal that comes in.
pub(crate) struct Passing<'a> {
    passages: &'a Passages,
    key: Key,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        let mut state = self.passages.lock();
        let coming = state.there.get_mut(&self.key).and_then(Option::take);
        drop(state);
        coming.into_iter().for_each(|coming| coming.is_in.open());
    }
}

impl Passing<'_> {
    /// Says that it waits for room.
    pub(crate) fn waits(&self) {
        let coming = self.passages.lock().there.get(&self.key).cloned();
        coming
            .flatten()
            .into_iter()
            .for_each(|coming| coming.waits.open());
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
            return Entered::Again(coming.clone());
        }
        state.there.insert(key, Some(Arc::default()));
        state.order.push_back(key);
        if self.remembered < state.order.len() {
            let oldest = state.order.pop_front();
            let oldest = oldest.and_then(|oldest| state.there.remove(&oldest));
            let forgotten = oldest.flatten().into_iter();
            forgotten.for_each(|coming| coming.is_in.open());
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

#[cfg(test)]
mod tests {
    use std::{num::NonZeroUsize, sync::Arc, time::Duration};

    use tokio::time::{self, Instant};

    use super::{Coming, Entered, Passages};
    use crate::signal::id::SignalId;

    const KEY: (u64, SignalId) = (1, SignalId::UNSET);
    const AT_MOST: Duration = Duration::from_millis(100);

    fn again(passages: &Passages) -> Option<Arc<Coming>> {
        match passages.enter(KEY) {
            Entered::First(_) => panic!("it has come before"),
            Entered::Again(coming) => coming,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_in_is_waited_for_and_has_a_limit_where_there_is_no_room_for_it() {
        let passages = Passages::new(NonZeroUsize::MIN);
        let Entered::First(passing) = passages.enter(KEY) else {
            panic!("it comes for the first time");
        };
        let coming = again(&passages).expect("it comes in");
        let hour = Duration::from_secs(60 * 60);
        let waited = time::timeout(hour, coming.is_in(AT_MOST)).await;
        assert!(waited.is_err(), "nothing keeps it up but its thread");
        passing.waits();
        let begun = Instant::now();
        coming.is_in(AT_MOST).await;
        assert!(begun.elapsed() < hour);
        drop(passing);
        assert!(again(&passages).is_none(), "it is in");
        coming.is_in(AT_MOST).await;
    }
}
