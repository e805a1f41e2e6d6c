//! The workers and readers of one queue that have found nothing, and wait.

use std::{
    mem::replace,
    sync::atomic::{AtomicUsize, Ordering},
    task::Waker,
};

use crate::queue::wakes::Wakes;

/// Tells the workers of one queue apart.
pub(crate) type WorkerId = usize;

/// A new worker, or reader.
pub(crate) fn next_id() -> WorkerId {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// Who waits, the last one last.
#[derive(Default, Debug)]
pub(crate) struct Parked(Vec<(WorkerId, Waker)>);

impl Parked {
    /// Leaves the waker of a worker that found nothing; returns the one that it left before, if that is another one.
    pub(crate) fn park(&mut self, worker: WorkerId, waker: &Waker) -> Option<Waker> {
        match self.0.iter_mut().find(|(parked, _)| *parked == worker) {
            Some((_, parked)) if parked.will_wake(waker) => None,
            Some((_, parked)) => Some(replace(parked, waker.clone())),
            None => {
                if self.0.capacity() == 0 {
                    // Most queues have one worker.
                    self.0.reserve_exact(1);
                }
                self.0.push((worker, waker.clone()));
                None
            }
        }
    }

    /// Takes out a worker that is at work, so that it is not woken in place of one that waits.
    #[inline]
    pub(crate) fn unpark(&mut self, worker: WorkerId) -> Option<Waker> {
        let at = self.0.iter().position(|(parked, _)| *parked == worker)?;
        Some(self.0.remove(at).1)
    }

    /// Wakes the one that came last: what it needs is likely still at hand.
    pub(crate) fn wake_one(&mut self, wakes: &mut Wakes) {
        self.take_one().into_iter().for_each(|one| wakes.add(one));
    }

    /// The one that came last, to be woken.
    #[inline]
    pub(crate) fn take_one(&mut self) -> Option<Waker> {
        self.0.pop().map(|(_, waker)| waker)
    }

    pub(crate) fn wake_all(&mut self, wakes: &mut Wakes) {
        self.0.drain(..).for_each(|(_, waker)| wakes.add(waker));
    }
}
