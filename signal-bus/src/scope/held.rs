//! Something that has begun, and that a close waits for, like a run of a periodic function.

use std::sync::Arc;

use crate::scope::running::Running;

/// Held as long as the close has to wait.
pub(crate) struct Held(Arc<Running>);

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
