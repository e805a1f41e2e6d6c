//! How a handler takes the signal: owned, shared, borrowed, with or without its label.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    error::{Failure, Outcome},
    signal::{AnyValue, Payload, Signal},
    topic::Topic,
};

/// Marks the form `T`.
#[derive(Debug)]
pub struct ByValue;
/// Marks the form `Arc<T>`.
#[derive(Debug)]
pub struct ByArc;
/// Marks the form `Signal<T>`.
#[derive(Debug)]
pub struct BySignal;
/// Marks the form `Signal`, for a topic with a type.
#[derive(Debug)]
pub struct ByAny;

/// Gives a value away whole, of which others have a share.
///
/// Asked of the form, not of the value: then what is missing has a message of its own.
#[diagnostic::on_unimplemented(
    message = "`{T}` is not `Clone`, so it cannot be passed by value",
    label = "needs `{T}: Clone`",
    note = "add `#[derive(Clone)]` to `{T}`, or share it: a subscriber may take `&{T}` or `Arc<{T}>`, a publisher may return `Arc<{T}>`"
)]
pub trait Copying<T> {
    /// A copy.
    #[doc(hidden)]
    fn copy(value: &T) -> T;
    /// The value itself, if nobody else has a share any more; else a copy.
    #[doc(hidden)]
    fn own(shared: Arc<T>) -> T;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Copying<T> for ByValue {
    fn copy(value: &T) -> T {
        value.clone()
    }

    fn own(shared: Arc<T>) -> T {
        Arc::unwrap_or_clone(shared)
    }
}

/// A signal at the door of its handler, with the type of its topic.
#[derive(Debug)]
pub struct Delivery<T: ?Sized>(Signal<T>);

/// Gives a signal the type of its topic.
///
/// # Panics
///
/// Panics if the route let a signal of another type through, which would be a bug of the bus.
#[must_use]
pub fn open<T: ?Sized + Payload>(_topic: Topic<T>, signal: Signal) -> Delivery<T> {
    Delivery(signal.typed())
}

impl<T: ?Sized> Delivery<T> {
    /// The signal as an owned parameter.
    #[must_use]
    pub fn take<P: Take<T, M>, M>(self) -> P {
        P::take(self.0)
    }

    /// The signal as a borrowed parameter.
    #[must_use]
    pub fn lend<P: ?Sized + Lend<T, M>, M>(&self) -> &P {
        P::lend(&self.0)
    }
}

/// A parameter that owns what it gets from a signal that carries `T`.
#[diagnostic::on_unimplemented(
    message = "a subscriber parameter of type `{Self}` cannot be made from a signal that carries `{T}`",
    label = "not one of the accepted forms",
    note = "accepted forms: `{T}` (needs `{T}: Clone`), `&{T}`, `Arc<{T}>`, `Signal<{T}>`, `Signal`",
    note = "mark parameters that do not come from the signal with `#[inject]`"
)]
pub trait Take<T: ?Sized, M>: Sized {
    #[doc(hidden)]
    fn take(signal: Signal<T>) -> Self;
}

impl<T> Take<T, ByValue> for T
where
    ByValue: Copying<T>,
{
    fn take(signal: Signal<T>) -> Self {
        ByValue::own(signal.into_arc())
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Take<T, ByArc> for Arc<T> {
    fn take(signal: Signal<T>) -> Self {
        signal.into_arc()
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Take<T, BySignal> for Signal<T> {
    fn take(signal: Self) -> Self {
        signal
    }
}

#[diagnostic::do_not_recommend]
impl<T: Payload> Take<T, ByAny> for Signal<AnyValue> {
    fn take(signal: Signal<T>) -> Self {
        signal.map(T::erase)
    }
}

/// A parameter that borrows what it gets from a signal that carries `T`.
#[diagnostic::on_unimplemented(
    message = "a subscriber parameter of type `&{Self}` cannot be made from a signal that carries `{T}`",
    label = "not one of the accepted forms",
    note = "accepted forms: `{T}` (needs `{T}: Clone`), `&{T}`, `Arc<{T}>`, `Signal<{T}>`, `Signal`",
    note = "mark parameters that do not come from the signal with `#[inject]`"
)]
pub trait Lend<T: ?Sized, M> {
    #[doc(hidden)]
    fn lend(signal: &Signal<T>) -> &Self;
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Lend<T, ByValue> for T {
    fn lend(signal: &Signal<T>) -> &Self {
        signal
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Lend<T, ByArc> for Arc<T> {
    fn lend(signal: &Signal<T>) -> &Self {
        signal.as_arc()
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Lend<T, BySignal> for Signal<T> {
    fn lend(signal: &Self) -> &Self {
        signal
    }
}

#[diagnostic::do_not_recommend]
impl Lend<String, ByValue> for str {
    fn lend(signal: &Signal<String>) -> &Self {
        signal
    }
}

#[diagnostic::do_not_recommend]
impl Lend<PathBuf, ByValue> for Path {
    fn lend(signal: &Signal<PathBuf>) -> &Self {
        signal
    }
}

#[diagnostic::do_not_recommend]
impl<U> Lend<Vec<U>, ByValue> for [U] {
    fn lend(signal: &Signal<Vec<U>>) -> &Self {
        signal
    }
}

/// What a handler that publishes nothing may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a return type of a subscriber or a periodic function",
    label = "expected `()` or `Result<(), E>`",
    note = "`E` must convert into `anyhow::Error`: any `std::error::Error + Send + Sync + 'static` does; for a text, use `anyhow::bail!`",
    note = "to publish what the function returns, add `#[publisher(\"topic\")]`"
)]
pub trait HandlerOutput {
    #[doc(hidden)]
    fn outcome(self) -> Outcome;
}

#[diagnostic::do_not_recommend]
impl HandlerOutput for () {
    fn outcome(self) -> Outcome {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<anyhow::Error>> HandlerOutput for Result<(), E> {
    fn outcome(self) -> Outcome {
        self.map_err(|error| Box::new(Failure::returned(error.into())))
    }
}

/// What the bus makes of what a handler returned.
///
/// # Errors
///
/// The handler's own.
pub fn outcome<R: HandlerOutput>(output: R) -> Outcome {
    output.outcome()
}
