//! How a subscriber takes several signals at once.

use crate::{
    forms::take::Take,
    signal::{Payload, Signal},
    topic::Topic,
};

/// Signals at the door of their handler, with the type of their topic.
#[derive(Debug)]
pub struct Deliveries<T: ?Sized>(Vec<Signal<T>>);

/// Gives signals the type of their topic.
///
/// # Panics
///
/// Panics if the route let a signal of another type through, which would be a bug of the bus.
#[must_use]
pub fn open_batch<T: ?Sized + Payload>(_topic: Topic<T>, signals: Vec<Signal>) -> Deliveries<T> {
    Deliveries(signals.into_iter().map(Signal::typed).collect())
}

impl<T: ?Sized> Deliveries<T> {
    /// The signals as an owned parameter.
    #[must_use]
    pub fn take<P: TakeBatch<T, M>, M>(self) -> P {
        P::take_batch(self.0)
    }
}

/// A parameter that owns what it gets from several signals that carry `T`.
#[diagnostic::on_unimplemented(
    message = "a batch of signals that carry `{T}` cannot be taken as `{Self}`",
    label = "not one of the accepted forms",
    note = "accepted forms: `Vec<P>` and `&[P]`, where `P` is `{T}` (needs `{T}: Clone`), `Arc<{T}>`, `Signal<{T}>` or `Signal`",
    note = "mark parameters that do not come from the signals with `#[inject]`"
)]
pub trait TakeBatch<T: ?Sized, M> {
    #[doc(hidden)]
    fn take_batch(signals: Vec<Signal<T>>) -> Self;
}

impl<T: ?Sized, P: Take<T, M>, M> TakeBatch<T, M> for Vec<P> {
    fn take_batch(signals: Vec<Signal<T>>) -> Self {
        signals.into_iter().map(P::take).collect()
    }
}
