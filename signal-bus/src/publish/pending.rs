//! The wait of an annotated publisher for room.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    publish::{Ready, publication::Publication},
    scope::running::Running,
};

/// A publish that has to wait for room; most have not, and leave nothing to look at or to drop.
#[must_use]
pub struct Pending(pub(super) Box<Waiting>);

pub(super) struct Waiting {
    pub(super) publication: &'static Publication,
    pub(super) running: Arc<Running>,
    pub(super) topic: Arc<str>,
    pub(super) ready: Ready,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

impl Pending {
    /// Waits until the signal is in every queue; a refusal goes to `on_error`.
    ///
    /// What waits is in a box of its own: otherwise each annotated function would carry the room for it around.
    pub fn wait(self) -> Wait {
        Wait(Box::pin(self.0.wait()))
    }

    /// Ends a publish that cannot wait: it is refused.
    pub fn now(self) {
        let Waiting {
            publication,
            running,
            topic,
            ready,
        } = *self.0;
        publication.refuse(&running, &topic, ready.refusal());
    }
}

impl Waiting {
    async fn wait(self) {
        let Self {
            publication,
            running,
            topic,
            ready,
        } = self;
        if let Err((refusal, _signal)) = running.wait(Box::new(ready)).await {
            publication.refuse(&running, &topic, refusal);
        }
    }
}

/// The wait for room.
#[must_use = "futures do nothing unless they are polled"]
pub struct Wait(Pin<Box<dyn Future<Output = ()> + Send>>);

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wait")
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}
