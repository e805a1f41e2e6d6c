//! Calls and futures of the user's whose panics are caught: also those of `drop`, and of what panics carry.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

/// Runs a future of the user's; if it panics, the output is the panic's text. It waits for ever once that has ended.
pub(crate) struct Guarded<'call, R>(Option<Boxed<'call, R>>);

type Boxed<'call, R> = Pin<Box<dyn Future<Output = R> + Send + 'call>>;

impl<'call, R: Send + 'static> Guarded<'call, R> {
    pub(crate) fn new(future: Boxed<'call, R>) -> Self {
        Self(Some(future))
    }

    /// A future that has ended.
    pub(crate) fn over() -> Self {
        Self(None)
    }

    /// Whether it has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_none()
    }

    /// Begins a call, whose beginning may panic as well.
    pub(crate) fn call(begin: impl FnOnce() -> Boxed<'call, R>) -> Result<Self, String> {
        caught(begin).map(Self::new)
    }

    /// A call that begins when it is first polled.
    pub(crate) fn run(
        begin: impl FnOnce() -> Boxed<'call, R> + Unpin,
    ) -> impl Future<Output = Result<R, String>> + Unpin {
        let mut begin = Some(begin);
        let mut call = Self::over();
        poll_fn(move |context| {
            if let Some(begin) = begin.take() {
                match Self::call(begin) {
                    Ok(begun) => call = begun,
                    Err(panic) => return Poll::Ready(Err(panic)),
                }
            }
            Pin::new(&mut call).poll(context)
        })
    }
}

impl<R> Future for Guarded<'_, R> {
    type Output = Result<R, String>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else {
            return Poll::Pending;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(end(self.0.take(), Ok(output))),
            Err(panic) => Poll::Ready(end(self.0.take(), Err(panic))),
        }
    }
}

/// Drops a future that has ended so, or has panicked.
fn end<R>(future: Option<Boxed<'_, R>>, output: std::thread::Result<R>) -> Result<R, String> {
    let output = output.map_err(message);
    match (output, caught(|| drop(future))) {
        (Ok(output), Err(panic)) => {
            discard(output);
            Err(panic)
        }
        (output, _) => output,
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
