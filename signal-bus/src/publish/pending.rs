//! The wait of an annotated publisher for room.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    error::publish::Refusal,
    publish::{Ready, annotated::Publication},
    scope::running::Running,
};

/// A publish that is over, or has to wait for room.
#[must_use]
pub struct Pending(pub(super) Option<Box<Waiting>>);

pub(super) struct Waiting {
    pub(super) publication: &'static Publication,
    pub(super) running: Arc<Running>,
    pub(super) topic: Arc<str>,
    pub(super) ready: Ready,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending(waits: {})", self.0.is_some())
    }
}

impl Pending {
    pub(super) const NOTHING: Self = Self(None);

    /// Whether it has to wait for room.
    #[inline]
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.0.is_some()
    }

    /// Waits until the signal is in every queue; a refusal goes to `on_error`.
    ///
    /// What waits is in a box of its own: otherwise each annotated function would carry the room for it around.
    pub fn wait(self) -> Wait {
        Wait(self.0.map(|waiting| Box::pin(waiting.wait()) as _))
    }

    /// Ends a publish that cannot wait: if it would have to, it is refused.
    pub fn now(self) {
        if let Some(waiting) = self.0 {
            let Waiting {
                publication,
                running,
                topic,
                ..
            } = *waiting;
            publication.refuse(&running, &topic, Refusal::Full);
        }
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
        if let Err((refusal, _signal)) = running.wait(ready).await {
            publication.refuse(&running, &topic, refusal);
        }
    }
}

/// The wait for room; over at once, if there was room.
#[must_use = "futures do nothing unless they are polled"]
pub struct Wait(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wait({})", self.0.is_some())
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            None => Poll::Ready(()),
            Some(waiting) => waiting.as_mut().poll(context),
        }
    }
}
