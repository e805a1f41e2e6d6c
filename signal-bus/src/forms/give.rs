//! How a publisher gives the signal: plain, shared, or maybe.

use std::sync::Arc;

use crate::{
    error::Failure,
    forms::take::{ByArc, ByValue},
};

/// Marks the form `Option<_>`.
#[derive(Debug)]
pub struct InOption<M>(M);
/// Marks the form `Result<_, _>`.
#[derive(Debug)]
pub struct InResult<M>(M);

/// What a publisher returns to a caller, who keeps it: the bus gets a copy, if somebody listens.
#[diagnostic::on_unimplemented(
    message = "a publisher that returns `{Self}` cannot publish `{T}`",
    label = "not one of the accepted forms",
    note = "accepted forms: `{T}` (needs `{T}: Clone`: the caller keeps the value), `Arc<{T}>`, and these in `Option<_>`, `Result<_, E>` or `Result<Option<_>, E>`"
)]
pub trait Publish<T: ?Sized, M> {
    /// Whether there is something to publish.
    #[doc(hidden)]
    fn publishes(&self) -> bool;
    /// A share of what there is to publish.
    #[doc(hidden)]
    fn share(&self) -> Option<Arc<T>>;
}

impl<T: Clone> Publish<T, ByValue> for T {
    fn publishes(&self) -> bool {
        true
    }

    fn share(&self) -> Option<Arc<T>> {
        Some(Arc::new(self.clone()))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Publish<T, ByArc> for Arc<T> {
    fn publishes(&self) -> bool {
        true
    }

    fn share(&self) -> Option<Self> {
        Some(Self::clone(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R: Publish<T, M>, M> Publish<T, InOption<M>> for Option<R> {
    fn publishes(&self) -> bool {
        self.as_ref().is_some_and(R::publishes)
    }

    fn share(&self) -> Option<Arc<T>> {
        self.as_ref().and_then(R::share)
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R: Publish<T, M>, E, M> Publish<T, InResult<M>> for Result<R, E> {
    fn publishes(&self) -> bool {
        self.as_ref().is_ok_and(R::publishes)
    }

    fn share(&self) -> Option<Arc<T>> {
        self.as_ref().ok().and_then(R::share)
    }
}

/// What a publisher returns to the bus itself, which takes it whole: nothing is cloned.
#[diagnostic::on_unimplemented(
    message = "a function of the bus that returns `{Self}` cannot publish `{T}`",
    label = "not one of the accepted forms",
    note = "accepted forms: `{T}`, `Arc<{T}>`, and these in `Option<_>`, `Result<_, E>` or `Result<Option<_>, E>`; `E` must convert into `anyhow::Error`"
)]
pub trait Part<T: ?Sized, M> {
    /// Parts what is published from how the handling ended.
    #[doc(hidden)]
    fn part(self) -> (Option<Arc<T>>, Result<(), Failure>);
}

#[diagnostic::do_not_recommend]
impl<T> Part<T, ByValue> for T {
    fn part(self) -> (Option<Arc<T>>, Result<(), Failure>) {
        (Some(Arc::new(self)), Ok(()))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Part<T, ByArc> for Arc<T> {
    fn part(self) -> (Option<Self>, Result<(), Failure>) {
        (Some(self), Ok(()))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R: Part<T, M>, M> Part<T, InOption<M>> for Option<R> {
    fn part(self) -> (Option<Arc<T>>, Result<(), Failure>) {
        self.map_or((None, Ok(())), R::part)
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R: Part<T, M>, E: Into<anyhow::Error>, M> Part<T, InResult<M>> for Result<R, E> {
    fn part(self) -> (Option<Arc<T>>, Result<(), Failure>) {
        match self {
            Ok(output) => output.part(),
            Err(error) => (None, Err(Failure::Returned(error.into()))),
        }
    }
}
