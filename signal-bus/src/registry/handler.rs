//! The future of a function that the bus calls.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::error::Outcome;

/// What a handler, or a run of a periodic function, is awaited as.
pub type HandlerFuture<'run> = Pin<Box<dyn Future<Output = Outcome> + Send + 'run>>;

/// Erases the future of a handler, which must be `Send`.
pub fn handler<'run, F>(future: F) -> HandlerFuture<'run>
where
    F: Future<Output = Outcome> + Send + 'run,
{
    Box::pin(Aligned { future })
}

pin_project! {
    // Begins with a line of the cache: what a usual call needs is in two of those then, and not in three. Where a hundred handlers hear
    // a signal, that is a quarter of the time.
    #[repr(align(64))]
    struct Aligned<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Aligned<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(context)
    }
}
