//! What a listener calls: a closure, plain or async, of a signal of some type.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::{
    error::Outcome,
    forms::take::HandlerOutput,
    registry::handler::HandlerFuture,
    signal::{AnyValue, Payload, Signal, run::Run, stretch::next},
    worker::handler::Closure,
};

/// What a listener's closure may return: `()` or a `Result<(), E>`, or a future of these.
#[diagnostic::on_unimplemented(
    message = "a listener cannot return `{Self}`",
    label = "expected a closure that returns `()` or `Result<(), E>`, or an async one",
    note = "`E` must convert into `anyhow::Error`: any `std::error::Error + Send + Sync + 'static` does",
    note = "the future of an async closure must be `Send`: it runs on any thread"
)]
pub trait Listens<M> {
    #[doc(hidden)]
    type Handling: Future<Output = Outcome> + Send + 'static;
    #[doc(hidden)]
    fn handled(self) -> Self::Handling;
}

/// Marks a closure that is done when it returns.
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is inferred, and never written")]
pub enum Plain {}

/// Marks a closure that returns a future.
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is inferred, and never written")]
pub enum Awaited {}

#[diagnostic::do_not_recommend]
impl<R: HandlerOutput> Listens<Plain> for R {
    type Handling = Ready<Outcome>;

    fn handled(self) -> Ready<Outcome> {
        ready(self.outcome())
    }
}

#[diagnostic::do_not_recommend]
impl<F> Listens<Awaited> for F
where
    F: Future<Output: HandlerOutput> + Send + 'static,
{
    type Handling = Handling<F>;

    fn handled(self) -> Handling<F> {
        Handling { future: self }
    }
}

pin_project! {
    /// The future of a closure, with its outcome.
    #[derive(Debug)]
    pub struct Handling<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future<Output: HandlerOutput>> Future for Handling<F> {
    type Output = Outcome;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let polled = self.project().future.poll(context);
        polled.map(HandlerOutput::outcome)
    }
}

/// What a listener calls with a signal of a type.
pub(crate) struct Calls<T: ?Sized, F> {
    begin: F,
    takes: PhantomData<fn(&T)>,
}

impl<T: ?Sized, F> Calls<T, F> {
    pub(crate) fn new<C>(begin: F) -> Box<Self>
    where
        F: Fn(Signal<T>) -> C,
    {
        Box::new(Self {
            begin,
            takes: PhantomData,
        })
    }
}

impl<T, F, C> Closure for Calls<T, F>
where
    T: ?Sized + Payload,
    F: Fn(Signal<T>) -> C + Send + Sync,
    C: Future<Output = Outcome> + Send + 'static,
{
    fn call(&self, signal: Signal) -> HandlerFuture<'static> {
        Box::pin((self.begin)(signal.typed()))
    }

    fn call_each(&self, mut run: Run) -> HandlerFuture<'_> {
        Box::pin(async move {
            while run.more().await {
                let mut signals = run.stretch::<AnyValue>();
                while let Some(delivery) = next(&mut signals) {
                    let signal: Signal = delivery.take();
                    (self.begin)(signal.typed()).await?;
                }
            }
            Ok(())
        })
    }
}
