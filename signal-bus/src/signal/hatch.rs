//! The hatch between a worker and its handler, through which signals go in and what is left of them comes back.
//!
//! A handler waits for signals in a future that the worker cannot look into, and what it is given must not cost a lock. Both are
//! on one thread while the worker polls the handler, so a place of that thread is all they need.

use std::cell::Cell;

use crate::{guarded::discard, signal::stock::Stock};

thread_local! {
    static HATCH: Cell<Option<Box<Stock>>> = const { Cell::new(None) };
}

/// Polls a handler that may take what is passed; returns what it has passed back.
///
/// A handler that passes something back is through with it, or has ended. One that does not is in the middle of it.
#[inline]
pub(crate) fn pass<R>(
    stock: Option<Box<Stock>>,
    poll: impl FnOnce() -> R,
) -> (R, Option<Box<Stock>>) {
    // A handler within a handler would find the hatch empty, as the outer one has taken its own.
    let outer = HATCH.replace(stock);
    let polled = poll();
    (polled, HATCH.replace(outer))
}

/// Takes what the worker has passed.
#[inline]
pub(super) fn take() -> Option<Box<Stock>> {
    HATCH.take()
}

/// Passes back what is left.
#[inline]
pub(super) fn put_back(stock: Box<Stock>) {
    let passed = HATCH.try_with(|hatch| hatch.replace(Some(stock)));
    // A thread that ends has no worker any more.
    discard(passed.ok().flatten());
}
