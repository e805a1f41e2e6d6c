//! How a publisher gives the signal: plain, shared, or maybe.

use std::{convert::Infallible, sync::Arc};

use crate::{
    error::Failure,
    forms::take::{ByArc, ByValue, Copying},
    signal::{Payload, values::Placed},
};

/// Marks the form `Option<_>`.
#[derive(Debug)]
pub struct InOption<M>(M);
/// Marks the form `Result<_, _>`.
#[derive(Debug)]
pub struct InResult<M>(M);

/// What a publisher returns: to a caller, who keeps it, so that the bus gets a copy if somebody listens; or to the
/// bus itself, which takes it whole.
#[diagnostic::on_unimplemented(
    message = "a publisher that returns `{Self}` cannot publish `{T}`",
    label = "not one of the accepted forms",
    note = "accepted forms: `{T}` (needs `{T}: Clone`: the caller keeps the value), `Arc<{T}>`, and these in `Option<_>`, `Result<_, E>` or `Result<Option<_>, E>`"
)]
pub trait Publish<T: ?Sized, M> {
    /// What it returns instead, if it fails.
    type Error;
    /// Whether there is something to publish.
    #[doc(hidden)]
    fn publishes(&self) -> bool;
    /// A share of what there is to publish.
    #[doc(hidden)]
    fn share(&self) -> Option<Arc<T>>;
    /// A copy of what there is to publish, for a place that needs no share, if there is one for such values.
    #[doc(hidden)]
    fn place(&self) -> Option<Placed<T>>
    where
        T: Payload + Sized,
    {
        None
    }
    /// What there is to publish, whole: nothing is cloned.
    #[doc(hidden)]
    fn part(self) -> Result<Option<Arc<T>>, Self::Error>;
}

impl<T> Publish<T, ByValue> for T
where
    ByValue: Copying<T>,
{
    type Error = Infallible;

    fn publishes(&self) -> bool {
        true
    }

    fn share(&self) -> Option<Arc<T>> {
        Some(Arc::new(ByValue::copy(self)))
    }

    #[inline]
    fn place(&self) -> Option<Placed<T>>
    where
        T: Payload,
    {
        Placed::<T>::FITS.then(|| Placed::new(ByValue::copy(self), ByValue::copy))
    }

    fn part(self) -> Result<Option<Arc<T>>, Infallible> {
        Ok(Some(Arc::new(self)))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Publish<T, ByArc> for Arc<T> {
    type Error = Infallible;

    fn publishes(&self) -> bool {
        true
    }

    fn share(&self) -> Option<Self> {
        Some(Self::clone(self))
    }

    fn part(self) -> Result<Option<Self>, Infallible> {
        Ok(Some(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R: Publish<T, M>, M> Publish<T, InOption<M>> for Option<R> {
    type Error = R::Error;

    fn publishes(&self) -> bool {
        self.as_ref().is_some_and(R::publishes)
    }

    fn share(&self) -> Option<Arc<T>> {
        self.as_ref().and_then(R::share)
    }

    fn place(&self) -> Option<Placed<T>>
    where
        T: Payload + Sized,
    {
        self.as_ref().and_then(R::place)
    }

    fn part(self) -> Result<Option<Arc<T>>, R::Error> {
        self.map_or(Ok(None), R::part)
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R, E, M> Publish<T, InResult<M>> for Result<R, E>
where
    R: Publish<T, M, Error = Infallible>,
{
    type Error = E;

    fn publishes(&self) -> bool {
        self.as_ref().is_ok_and(R::publishes)
    }

    fn share(&self) -> Option<Arc<T>> {
        self.as_ref().ok().and_then(R::share)
    }

    fn place(&self) -> Option<Placed<T>>
    where
        T: Payload + Sized,
    {
        self.as_ref().ok().and_then(R::place)
    }

    fn part(self) -> Result<Option<Arc<T>>, E> {
        let Ok(part) = self?.part();
        Ok(part)
    }
}

/// How a function that the bus calls may fail.
#[diagnostic::on_unimplemented(
    message = "a function that the bus calls cannot fail with `{Self}`",
    label = "`{Self}` does not convert into `anyhow::Error`",
    note = "any `std::error::Error + Send + Sync + 'static` does; for a text, use `anyhow::bail!`"
)]
pub trait Fails {
    #[doc(hidden)]
    fn failure(self) -> Failure;
}

#[diagnostic::do_not_recommend]
impl<E: Into<anyhow::Error>> Fails for E {
    fn failure(self) -> Failure {
        Failure::returned(self.into())
    }
}
