//! The hatch between a worker and its handler, through which signals go in and what is left of them comes back.
//!
//! A handler waits for signals in a future that the worker cannot look into, and what it is given must not cost a lock. Both are
//! on one thread while the worker polls the handler, so a place of that thread is all they need.

use std::cell::Cell;

use crate::{guarded::discard, signal::stock::Stock};

thread_local! {
    static HATCH: Cell<Option<Box<Stock>>> = const { Cell::new(None) };
}

/// What was in the hatch before a worker opened it: nothing, unless that polls within a handler.
#[must_use = "the hatch is closed after the handler was polled"]
pub(crate) struct Outer(Option<Box<Stock>>);

/// Puts something in for the handler that is polled next.
#[inline]
pub(crate) fn open(stock: Option<Box<Stock>>) -> Outer {
    Outer(HATCH.replace(stock))
}

/// Takes what the handler has passed back.
///
/// One that passes something back is through with it, or has ended. One that does not is in the middle of it.
#[inline]
pub(crate) fn close(outer: Outer) -> Option<Box<Stock>> {
    HATCH.replace(outer.0)
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
