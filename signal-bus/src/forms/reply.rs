//! How a responder gives its reply: plain, shared, or maybe. Nothing is copied, for there is one who gets it.

use std::{convert::Infallible, sync::Arc};

use crate::{
    error::Outcome,
    forms::{
        give::{Fails, InOption, InResult},
        probe::Probe,
        take::{ByArc, ByValue},
    },
    signal::{Kind, Payload, requested::Requested},
    topic::Topic,
};

/// What a responder returns.
#[diagnostic::on_unimplemented(
    message = "a responder that returns `{Self}` cannot reply with `{T}`",
    label = "not one of the accepted forms",
    note = "accepted forms: `{T}`, `Arc<{T}>`, and these in `Option<_>`, `Result<_, E>` or `Result<Option<_>, E>`"
)]
pub trait Replies<T: ?Sized, M> {
    /// What it returns instead, if it fails.
    type Error;
    /// The reply, if there is one.
    #[doc(hidden)]
    fn reply(self) -> Result<Option<Arc<T>>, Self::Error>;
}

impl<T> Replies<T, ByValue> for T {
    type Error = Infallible;

    fn reply(self) -> Result<Option<Arc<T>>, Infallible> {
        Ok(Some(Arc::new(self)))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Replies<T, ByArc> for Arc<T> {
    type Error = Infallible;

    fn reply(self) -> Result<Option<Self>, Infallible> {
        Ok(Some(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R: Replies<T, M>, M> Replies<T, InOption<M>> for Option<R> {
    type Error = R::Error;

    fn reply(self) -> Result<Option<Arc<T>>, R::Error> {
        self.map_or(Ok(None), R::reply)
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R, E, M> Replies<T, InResult<M>> for Result<R, E>
where
    R: Replies<T, M, Error = Infallible>,
{
    type Error = E;

    fn reply(self) -> Result<Option<Arc<T>>, E> {
        let Ok(reply) = self?.reply();
        Ok(reply)
    }
}

/// Stands for the replies of a responder.
#[must_use]
pub fn replies<T: ?Sized>(_probe: Probe<T>) -> Topic<T> {
    Topic::unchecked("")
}

/// Gives what a responder has returned to whoever waits for it, if somebody does.
///
/// # Errors
///
/// The responder's own.
pub fn reply<T, R, M, E>(_with: Topic<T>, requested: Option<Arc<Requested>>, output: R) -> Outcome
where
    T: Payload + Sized,
    R: Replies<T, M, Error = E>,
    E: Fails,
{
    let reply = match output.reply() {
        Ok(reply) => reply,
        Err(error) => return Err(Box::new(error.failure())),
    };
    if let (Some(requested), Some(value)) = (requested, reply) {
        requested.answer(T::erase(value), Kind::of::<T>());
    }
    Ok(())
}
