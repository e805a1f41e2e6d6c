//! Wake-ups that are gathered under the lock and happen after it.

use std::task::Waker;

/// Wakers to wake once the lock is released: a waker may run anything, also what takes the lock.
#[derive(Default, Debug)]
#[must_use]
pub(crate) struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
    /// Whether there is news for those who wait for quiet.
    pub(crate) quiet: bool,
}

impl Wakes {
    pub(crate) fn add(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.more.push(waker);
        }
    }

    pub(crate) fn wake(self) {
        if let Some(waker) = self.first {
            waker.wake();
        }
        self.more.into_iter().for_each(Waker::wake);
    }
}
