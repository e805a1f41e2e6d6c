//! The place of a thread where the scope lies that it is in, and what brings a scope of its own.

use std::{
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::scope::Scope;

thread_local! {
    // Behind a pointer: it is put in place and taken back each time a handler is polled.
    // Nobody leaves a scope there, so a thread that ends has nothing to drop, and need not be asked whether it has.
    static PLACE: RefCell<Option<ManuallyDrop<Arc<Scope>>>> = const { RefCell::new(None) };

    // What is asked most is told in one look.
    static IS_THERE: Cell<bool> = const { Cell::new(false) };
}

/// Looks at the scope this thread is in, if there is one.
///
/// It is held meanwhile, so nothing may be called that enters another one.
#[inline]
pub(super) fn with<R>(look: impl FnOnce(&Arc<Scope>) -> R) -> Option<R> {
    let looked = PLACE.try_with(|place| place.borrow().as_deref().map(look));
    looked.ok().flatten()
}

/// Whether there is a scope that this thread is in.
#[inline]
pub(super) fn is_there() -> bool {
    IS_THERE.get()
}

/// Calls a function in a scope, which is put in place meanwhile, and taken back.
#[inline(always)]
pub(crate) fn within<R>(scope: &mut Option<Arc<Scope>>, function: impl FnOnce() -> R) -> R {
    let _within = Within::enter(scope);
    function()
}

/// A scope that is in place, and what lay there before.
struct Within<'scope>(&'scope mut Option<Arc<Scope>>);

impl<'scope> Within<'scope> {
    #[inline]
    fn enter(scope: &'scope mut Option<Arc<Scope>>) -> Self {
        swap(scope);
        Self(scope)
    }
}

impl Drop for Within<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.0);
    }
}

#[inline]
fn swap(scope: &mut Option<Arc<Scope>>) {
    let entered = scope.take().map(ManuallyDrop::new);
    IS_THERE.set(entered.is_some());
    *scope = PLACE.replace(entered).map(ManuallyDrop::into_inner);
}

/// A future in a scope of its own: it is polled there, and dropped there.
pub(crate) struct Scoped<F> {
    /// `None` while that is in place.
    scope: Option<Arc<Scope>>,
    future: Option<F>,
}

impl<F> Scoped<F> {
    pub(super) fn new(scope: Arc<Scope>, future: F) -> Self {
        Self {
            scope: Some(scope),
            future: Some(future),
        }
    }
}

impl<F: Future + Unpin> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { scope, future } = &mut *self;
        within(scope, || {
            let Some(running) = future else {
                return Poll::Pending;
            };
            let polled = Pin::new(running).poll(context);
            if polled.is_ready() {
                *future = None;
            }
            polled
        })
    }
}

impl<F> Drop for Scoped<F> {
    fn drop(&mut self) {
        let Self { scope, future } = self;
        if future.is_some() {
            within(scope, || *future = None);
        }
    }
}
