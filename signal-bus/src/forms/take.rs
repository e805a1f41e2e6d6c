//! How a handler takes the signal: owned, shared, borrowed, with or without its label.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    error::{Failure, Outcome},
    signal::{
        AnyValue, Payload, Signal,
        requested::Requested,
        run::Run,
        stretch::{Delivery, Stretch},
    },
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
/// Requested of the form, not of the value: then what is missing has a message of its own.
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

/// Gives the signals at hand the type of their topic.
#[inline]
#[must_use]
pub fn open<T: ?Sized + Payload>(_topic: Topic<T>, run: &mut Run) -> Stretch<'_, T, T::Row> {
    run.stretch()
}

impl<T: ?Sized> Delivery<'_, T> {
    /// The signal as an owned parameter.
    #[inline]
    #[must_use]
    pub fn take<P: Take<T, M>, M>(self) -> P {
        P::take_from(self)
    }
}

impl<'run, T: ?Sized> Delivery<'run, T> {
    /// The signal as a borrowed parameter, once it is dereferenced.
    ///
    /// It is handed over, not lent: what waits for the handler would have to keep it.
    #[inline]
    #[must_use]
    pub fn lend<P: ?Sized + Lend<T, M>, M>(self) -> P::Held<'run> {
        P::hold(self)
    }

    #[inline]
    fn value(self) -> &'run T {
        match self.value {
            Some(value) => value,
            None => self.at_hand.value(),
        }
    }
}

/// A signal that its handler takes to another thread, with the type of its topic.
#[derive(Debug)]
pub struct Whole<T: ?Sized>(Signal<T>);

impl<T: ?Sized> Delivery<'_, T> {
    /// Who waits for a reply to the signal, if somebody does.
    #[must_use]
    pub fn requested(&self) -> Option<Arc<Requested>> {
        self.at_hand.requested()
    }

    /// The signal for a handler that takes it to another thread, and so leaves its turn.
    #[must_use]
    pub fn whole(self) -> Whole<T> {
        Whole(self.at_hand.take_signal())
    }
}

impl<T: ?Sized> Whole<T> {
    /// Who waits for a reply to the signal, if somebody does.
    #[must_use]
    pub fn requested(&self) -> Option<Arc<Requested>> {
        self.0.label().stamp.requested().cloned()
    }

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

/// Something made to be borrowed.
#[derive(Debug)]
pub struct Loan<P>(P);

impl<P> Deref for Loan<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
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
    #[doc(hidden)]
    #[inline]
    #[must_use]
    fn take_from(delivery: Delivery<'_, T>) -> Self {
        Self::take(delivery.at_hand.take_signal())
    }
}

impl<T> Take<T, ByValue> for T
where
    ByValue: Copying<T>,
{
    fn take(signal: Signal<T>) -> Self {
        ByValue::own(signal.into_arc())
    }

    #[inline]
    fn take_from(delivery: Delivery<'_, T>) -> Self {
        match delivery.value {
            Some(value) => ByValue::copy(value),
            None => ByValue::own(delivery.at_hand.take_value()),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Take<T, ByArc> for Arc<T> {
    fn take(signal: Signal<T>) -> Self {
        signal.into_arc()
    }

    #[inline]
    fn take_from(delivery: Delivery<'_, T>) -> Self {
        delivery.at_hand.take_value()
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
    type Held<'door>: Deref<Target = Self>
    where
        Self: 'door,
        T: 'door;
    #[doc(hidden)]
    fn hold(delivery: Delivery<'_, T>) -> Self::Held<'_>;
    #[doc(hidden)]
    fn lend(signal: &Signal<T>) -> &Self;
}

/// Lends the value as what it derefs to.
macro_rules! lend_value {
    ([$($U:ident)?] $whole:ty as $part:ty) => {
        #[diagnostic::do_not_recommend]
        impl<$($U)?> Lend<$whole, ByValue> for $part {
            type Held<'door> = &'door Self
            where
                Self: 'door;

            #[inline]
            fn hold(delivery: Delivery<'_, $whole>) -> &Self {
                delivery.value()
            }

            fn lend(signal: &Signal<$whole>) -> &Self {
                signal
            }
        }
    };
}

lend_value!([] String as str);
lend_value!([] PathBuf as Path);
lend_value!([U] Vec<U> as [U]);

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Lend<T, ByValue> for T {
    type Held<'door>
        = &'door Self
    where
        Self: 'door;

    #[inline]
    fn hold(delivery: Delivery<'_, T>) -> &Self {
        delivery.value()
    }

    fn lend(signal: &Signal<T>) -> &Self {
        signal
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Lend<T, ByArc> for Arc<T> {
    type Held<'door>
        = Loan<Self>
    where
        Self: 'door,
        T: 'door;

    fn hold(delivery: Delivery<'_, T>) -> Loan<Self> {
        Loan(delivery.at_hand.share().into_arc())
    }

    fn lend(signal: &Signal<T>) -> &Self {
        signal.as_arc()
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Lend<T, BySignal> for Signal<T> {
    type Held<'door>
        = Loan<Self>
    where
        Self: 'door,
        T: 'door;

    fn hold(delivery: Delivery<'_, T>) -> Loan<Self> {
        Loan(delivery.at_hand.share())
    }

    fn lend(signal: &Self) -> &Self {
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
