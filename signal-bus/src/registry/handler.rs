//! The future of a function that the bus calls.

use std::pin::Pin;

use crate::error::Outcome;

/// What a handler, or a run of a periodic function, is awaited as.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Erases the future of a handler, which must be `Send`.
pub fn handler<F>(future: F) -> HandlerFuture
where
    F: Future<Output = Outcome> + Send + 'static,
{
    Box::pin(future)
}
