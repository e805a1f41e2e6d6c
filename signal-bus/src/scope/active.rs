//! The handlers that run, counted for those who have to know when there are any, and when there are none.

use std::sync::atomic::Ordering;

use crate::sync::{AtomicUsize, Notify};

/// Counts the handlers that run.
#[derive(Default, Debug)]
pub(crate) struct Active {
    /// How many run; with the two highest bits for whoever wants to know.
    count: AtomicUsize,
    none: Notify,
}

impl Active {
    /// Whether somebody waits until none runs. To tell is dear, and as good as always nobody does.
    const AWAITED: usize = 1 << (usize::BITS - 1);
    /// Whether somebody watches those that run.
    const WATCHED: usize = 1 << (usize::BITS - 2);

    /// Counts one that begins; and whether somebody has to begin to watch.
    pub(crate) fn enter(&self) -> (Entered<'_>, bool) {
        let before = self.count.fetch_add(1, Ordering::AcqRel);
        let begins = before & Self::WATCHED == 0 && self.begins_to_watch();
        (Entered(self), begins)
    }

    /// Whether somebody watches.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.count.load(Ordering::Acquire) & Self::WATCHED != 0
    }

    /// Says that somebody watches; whether nobody did before.
    pub(crate) fn begins_to_watch(&self) -> bool {
        let before = self.count.fetch_or(Self::WATCHED, Ordering::AcqRel);
        before & Self::WATCHED == 0
    }

    /// Says that nobody watches any more; whether handlers run now, which might not be watched then.
    pub(crate) fn ends_to_watch(&self) -> bool {
        let before = self.count.fetch_and(!Self::WATCHED, Ordering::AcqRel);
        before & !(Self::AWAITED | Self::WATCHED) != 0
    }

    pub(crate) async fn none(&self) {
        loop {
            let none = self.none.notified();
            tokio::pin!(none);
            none.as_mut().enable();
            // Whoever ends after this step tells, and whoever has ended before is not counted in it.
            let count = self.count.fetch_or(Self::AWAITED, Ordering::AcqRel);
            if count & !(Self::AWAITED | Self::WATCHED) == 0 {
                return;
            }
            none.await;
        }
    }
}

/// One running handler.
#[derive(Debug)]
pub(crate) struct Entered<'a>(&'a Active);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let before = self.0.count.fetch_sub(1, Ordering::AcqRel);
        if before & !Active::WATCHED == Active::AWAITED | 1 {
            self.0.none.notify_waiters();
        }
    }
}
