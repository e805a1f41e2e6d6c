//! The hatch between a worker and its handler, through which signals go in and what is left of them comes back.
//!
//! A handler waits for signals in a future that the worker cannot look into, and what it is given must not cost a lock. Both are
//! on one thread while the worker polls the handler, so a place of that thread is all they need.

use std::{cell::Cell, mem::ManuallyDrop};

use crate::{guarded::discard, signal::stock::Stock};

thread_local! {
    // Nothing is in it once the worker has polled, so a thread that ends has nothing to drop, and need not be asked whether it has.
    static HATCH: Cell<Option<ManuallyDrop<Box<Stock>>>> = const { Cell::new(None) };
}

/// What was in the hatch before a worker opened it: nothing, unless that polls within a handler.
#[must_use = "the hatch is closed after the handler was polled"]
pub(crate) struct Outer(Option<Box<Stock>>);

/// Puts something in for the handler that is polled next.
#[inline]
pub(crate) fn open(stock: Option<Box<Stock>>) -> Outer {
    Outer(exchange(stock))
}

/// Takes what the handler has passed back.
///
/// One that passes something back is through with it, or has ended. One that does not is in the middle of it.
#[inline]
pub(crate) fn close(outer: Outer) -> Option<Box<Stock>> {
    exchange(outer.0)
}

/// Whether a handler has passed back what it was given, and has gone through all of it; then it lies there for the next one.
#[inline]
pub(crate) fn passes_on() -> bool {
    let mut back = exchange(None);
    let through = back.as_mut().is_some_and(|stock| stock.begins_again());
    exchange(back);
    through
}

/// Takes what is in it.
#[inline]
pub(crate) fn take() -> Option<Box<Stock>> {
    exchange(None)
}

/// Passes back what is left.
#[inline]
pub(super) fn put_back(stock: Box<Stock>) {
    exchange(Some(stock)).into_iter().for_each(discard);
}

#[inline]
fn exchange(stock: Option<Box<Stock>>) -> Option<Box<Stock>> {
    let before = HATCH.replace(stock.map(ManuallyDrop::new));
    before.map(ManuallyDrop::into_inner)
}
