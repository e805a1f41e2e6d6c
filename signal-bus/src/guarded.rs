//! Calls and futures of the user's whose panics are caught: also those of `drop`, and of what panics carry.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

/// Runs a future of the user's; if it panics, the output is the panic's text.
pub(crate) struct Guarded<'call, R>(Option<Boxed<'call, R>>);

type Boxed<'call, R> = Pin<Box<dyn Future<Output = R> + Send + 'call>>;

impl<'call, R: Send + 'static> Guarded<'call, R> {
    pub(crate) fn new(future: Boxed<'call, R>) -> Self {
        Self(Some(future))
    }

    /// Begins a call, whose beginning may panic as well.
    pub(crate) fn call(begin: impl FnOnce() -> Boxed<'call, R>) -> Result<Self, String> {
        caught(begin).map(Self::new)
    }

    /// Begins a call and awaits it.
    pub(crate) async fn run(begin: impl FnOnce() -> Boxed<'call, R>) -> Result<R, String> {
        Self::call(begin)?.await
    }
}

impl<R> Future for Guarded<'_, R> {
    type Output = Result<R, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else {
            return Poll::Pending;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        let output = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(message(panic)),
        };
        let future = self.0.take();
        match (output, caught(|| drop(future))) {
            (Ok(output), Err(panic)) => {
                discard(output);
                Poll::Ready(Err(panic))
            }
            (output, _) => Poll::Ready(output),
        }
    }
}

/// A call that is cut short, by a timeout or at the deadline, drops what it holds, and that may panic.
impl<R> Drop for Guarded<'_, R> {
    fn drop(&mut self) {
        discard(self.0.take());
    }
}

/// Calls what may panic; the error is the panic's text.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(message)
}

/// Drops a value of the user's, which may panic; that stops nobody.
pub(crate) fn discard<T>(value: T) {
    if let Err(panic) = caught(|| drop(value)) {
        tracing::error!("a value panicked while it was dropped: {panic}");
    }
}

/// The text of a panic.
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "with a value that is not text".to_owned(),
    };
    discard_panic(panic);
    text
}

/// Drops the value of a panic, which may panic in turn.
#[expect(
    clippy::mem_forget,
    reason = "a value that panics in `drop` made another one: to drop that could go on for ever"
)]
fn discard_panic(panic: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
}
