//! Something that happens once, and that anybody may wait for.

use std::sync::atomic::Ordering;

use crate::sync::{AtomicBool, Notify};

/// Shut until it is opened; then open for ever.
#[derive(Default, Debug)]
pub(crate) struct Latch {
    open: AtomicBool,
    opened: Notify,
}

impl Latch {
    pub(crate) fn open(&self) {
        self.opens();
    }

    /// Opens it; whether it was shut before.
    pub(crate) fn opens(&self) -> bool {
        let open = self.open.swap(true, Ordering::AcqRel);
        self.opened.notify_waiters();
        !open
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Waits until it is open.
    pub(crate) async fn wait(&self) {
        self.until(|| self.is_open()).await;
    }

    /// Lets those look again who wait [until](Self::until) something else.
    pub(crate) fn tell(&self) {
        self.opened.notify_waiters();
    }

    /// Waits until something else is so, of which whoever makes it so [tells](Self::tell).
    pub(crate) async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            let opened = self.opened.notified();
            tokio::pin!(opened);
            opened.as_mut().enable();
            if is_so() {
                return;
            }
            opened.await;
        }
    }
}
