//! The side of the workers and readers: taking signals out, and settling them.

use std::task::{Context, Poll};

use crate::queue::{
    Ending, Exchange, Phase, State, entry::Entry, parked::WorkerId, store::Supply, stores::QueueId,
    wakes::Wakes,
};

impl Exchange {
    /// Waits until there is something in a queue; `None` when there never will be.
    pub(crate) fn poll_supply(
        &self,
        queue: QueueId,
        worker: WorkerId,
        context: &mut Context<'_>,
    ) -> Poll<Option<Supply>> {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        let flush = state.phase == Phase::Draining;
        if state.phase == Phase::Closed {
            return Poll::Ready(None);
        }
        let State { stores, logs, .. } = &mut *state;
        let Some(store) = stores.get_mut(queue) else {
            return Poll::Ready(None);
        };
        match store.supply(flush) {
            Supply::Ready => Poll::Ready(Some(Supply::Ready)),
            Supply::At(due) => {
                wakes.drop_waker(store.park(worker, context.waker()));
                Poll::Ready(Some(Supply::At(due)))
            }
            Supply::Ended => Poll::Ready(None),
            Supply::Nothing => {
                wakes.drop_waker(store.park(worker, context.waker()));
                store.idle(queue, logs);
                Poll::Pending
            }
        }
    }

    /// Takes the next signal of a queue, if one may be handled now.
    pub(crate) fn take(&self, queue: QueueId, worker: WorkerId) -> Option<Entry> {
        let mut state = self.lock();
        match state.phase {
            Phase::Closed => None,
            Phase::Running | Phase::Draining => state.stores.get_mut(queue)?.take(worker),
        }
    }

    /// Settles a signal that was taken, and takes the next one, in one step.
    pub(crate) fn finish_and_take(
        &self,
        queue: QueueId,
        worker: WorkerId,
        key: u64,
        ending: Ending,
    ) -> Option<Entry> {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        // After `abandon` the signal has been counted already.
        if state.phase == Phase::Closed {
            return None;
        }
        let mut next = None;
        if let Some(store) = state.stores.get_mut(queue) {
            store.settle(worker, &[key], ending);
            next = store.take(worker);
            store.wake_for_next(&mut wakes);
        }
        state.freed(queue, &mut wakes);
        state.remove_if_over(queue);
        state.less(1, 0, self, &mut wakes);
        self.after(state, wakes);
        next
    }

    /// Takes the next batch of a queue; empty if none may be handled now.
    pub(crate) fn take_batch(&self, queue: QueueId, worker: WorkerId) -> Vec<Entry> {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return Vec::new();
        }
        let flush = state.phase == Phase::Draining;
        let store = state.stores.get_mut(queue);
        let batch = match store.filter(|store| store.supply(flush) == Supply::Ready) {
            Some(store) => store.take_batch(worker, &mut wakes),
            None => Vec::new(),
        };
        drop(state);
        wakes.wake();
        batch
    }

    /// Waits for the next signal of a queue that is read by hand; `None` when there never will be one.
    pub(crate) fn poll_pull(
        &self,
        queue: QueueId,
        worker: WorkerId,
        context: &mut Context<'_>,
    ) -> Poll<Option<Entry>> {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        let closed = state.phase == Phase::Closed;
        let Some(store) = state.stores.get_mut(queue) else {
            return Poll::Ready(None);
        };
        let Some(entry) = store.pull(worker, &mut wakes) else {
            if closed {
                return Poll::Ready(None);
            }
            wakes.drop_waker(store.park(worker, context.waker()));
            return Poll::Pending;
        };
        if closed {
            // The close has left it to its reader, and counts no longer.
            return Poll::Ready(Some(entry));
        }
        state.reads += 1;
        state.freed(queue, &mut wakes);
        state.remove_if_over(queue);
        state.less(0, 1, self, &mut wakes);
        self.after(state, wakes);
        Poll::Ready(Some(entry))
    }

    /// Settles signals that were taken, and makes room for others.
    pub(crate) fn finish(&self, queue: QueueId, worker: WorkerId, keys: &[u64], ending: Ending) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        // After `abandon` the signals have been counted already.
        if state.phase == Phase::Closed {
            return;
        }
        if let Some(store) = state.stores.get_mut(queue) {
            store.finish(worker, keys, ending, &mut wakes);
        }
        state.freed(queue, &mut wakes);
        state.remove_if_over(queue);
        state.less(keys.len(), 0, self, &mut wakes);
        self.after(state, wakes);
    }

    /// Forgets a worker of a queue that stays: if it was woken for a signal, another is woken instead.
    pub(crate) fn part_with(&self, queue: QueueId, worker: WorkerId) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if let Some(store) = state.stores.get_mut(queue) {
            store.part_with(worker, &mut wakes);
        }
        drop(state);
        wakes.wake();
    }
}
