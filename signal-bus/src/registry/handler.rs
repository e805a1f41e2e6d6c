//! The future of a function that the bus calls.

use std::pin::Pin;

use crate::error::Outcome;

/// What a handler, or a run of a periodic function, is awaited as.
pub type HandlerFuture<'run> = Pin<Box<dyn Future<Output = Outcome> + Send + 'run>>;

/// Erases the future of a handler, which must be `Send`.
pub fn handler<'run, F>(future: F) -> HandlerFuture<'run>
where
    F: Future<Output = Outcome> + Send + 'run,
{
    Box::pin(future)
}
