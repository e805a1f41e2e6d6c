//! Something that has begun, and that a close waits for, like a run of a periodic function.

use std::sync::Arc;

use crate::scope::running::Running;

/// Held as long as the close has to wait.
pub(crate) struct Held(Arc<Running>);

/// The same for something that does not outlive its caller.
#[cfg(feature = "transport")]
pub(crate) struct Begun<'a>(&'a Running);

#[cfg(feature = "transport")]
impl<'a> Begun<'a> {
    /// `None` if a close has begun.
    pub(crate) fn new(running: &'a Running) -> Option<Self> {
        running.exchange.begin_run().then_some(Self(running))
    }
}

#[cfg(feature = "transport")]
impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.0.exchange.end_run();
    }
}

impl Running {
    /// Begins something that a close waits for; `None` if one has begun.
    pub(crate) fn hold(self: &Arc<Self>) -> Option<Held> {
        self.exchange.begin_run().then(|| Held(Arc::clone(self)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.exchange.end_run();
    }
}
