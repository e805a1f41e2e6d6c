//! Signals that wait for another attempt, while others have their calls.

use std::num::NonZeroUsize;

use crate::queue::{Exchange, Phase, parked::WorkerId, stores::QueueId, wakes::Wakes};

impl Exchange {
    /// Gives up the call of signals that are to be tried again, so that others can be taken. Their room they keep.
    pub(crate) fn rest(
        &self,
        queue: QueueId,
        worker: WorkerId,
        limit: Option<NonZeroUsize>,
        signals: usize,
    ) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return;
        }
        if let Some(store) = state.stores.get_mut(queue) {
            store.crew.rest(worker, limit, signals);
            store.wake_for_next(&mut wakes);
        }
        self.after(state, wakes);
    }

    /// Takes up again a call that was given up.
    pub(crate) fn resume(&self, queue: QueueId, worker: WorkerId, signals: usize) {
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return;
        }
        if let Some(store) = state.stores.get_mut(queue) {
            store.crew.resume(worker, signals);
        }
    }
}
