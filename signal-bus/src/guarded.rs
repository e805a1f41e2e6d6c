//! A future of the user's whose panics are caught: also those of its `drop`.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

/// Runs a future of the user's; if it panics, the output is the panic's text.
pub(crate) struct Guarded<R>(Option<Boxed<R>>);

type Boxed<R> = Pin<Box<dyn Future<Output = R> + Send>>;

impl<R: Send + 'static> Guarded<R> {
    /// Begins a call, whose beginning may panic as well.
    pub(crate) fn call(begin: impl FnOnce() -> Boxed<R>) -> Result<Self, String> {
        catch_unwind(AssertUnwindSafe(begin))
            .map(|future| Self(Some(future)))
            .map_err(message)
    }

    /// Begins a call and awaits it.
    pub(crate) async fn run(begin: impl FnOnce() -> Boxed<R>) -> Result<R, String> {
        Self::call(begin)?.await
    }
}

impl<R> Future for Guarded<R> {
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
        let dropped = drop_caught(self.0.take());
        Poll::Ready(output.and_then(|output| dropped.map(|()| output)))
    }
}

/// A call that is cut short, by a timeout or at the deadline, drops what it holds, and that may panic.
impl<R> Drop for Guarded<R> {
    fn drop(&mut self) {
        if let Err(panic) = drop_caught(self.0.take()) {
            tracing::error!("a handler that was cut short panicked while it was dropped: {panic}");
        }
    }
}

fn drop_caught<T>(value: T) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| drop(value))).map_err(message)
}

/// The text of a panic.
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "with a value that is not text".to_owned(),
    };
    discard(panic);
    text
}

/// Drops the value of a panic, which may panic in turn.
#[expect(
    clippy::mem_forget,
    reason = "a value that panics in `drop` made another one: to drop that could go on for ever"
)]
fn discard(panic: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
}
