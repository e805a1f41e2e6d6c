//! Which bus is current: the scope of a task, or else the only bus of its runtime.

pub(crate) mod tasks;
pub(crate) mod table;
pub(crate) mod trips;
pub(crate) mod trip;
#[cfg(feature = "transport")]
pub(crate) mod standing;
pub(crate) mod control;
pub(crate) mod presence;
pub(crate) mod passages;
pub(crate) mod bound;
pub(crate) mod active;
pub(crate) mod asking;
pub(crate) mod watch;
pub(crate) mod running;
pub(crate) mod held;
mod health;
pub(crate) mod place;
mod tripping;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    handoff::Driver,
    queue::{offer::Inside, stores::QueueId},
    registry::BusName,
    scope::{
        place::Scoped,
        running::{BusHandle, Running},
        table::Found,
    },
    signal::lead::Lead,
};

/// A running bus as seen from inside a task.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) running: Arc<Running>,
    inside: Option<Inside>,
    /// The run of a handler, which goes from signal to signal.
    lead: Option<Arc<Lead>>,
    /// The scope this one stands in: buses may run inside of buses.
    outer: Option<Arc<Self>>,
}

/// A clone may outlive the call it was made in, so it stays at the signal of that.
impl Clone for Scope {
    fn clone(&self) -> Self {
        Self {
            running: Arc::clone(&self.running),
            inside: self.inside(),
            lead: None,
            outer: self.outer.clone(),
        }
    }
}

impl Scope {
    /// The scope of a part of the bus.
    pub(crate) fn new(running: Arc<Running>, inside: Option<Inside>) -> Self {
        Self {
            running,
            inside,
            lead: None,
            outer: None,
        }
    }

    /// The scope of a handler that goes from signal to signal.
    pub(crate) fn leading(running: Arc<Running>, queue: QueueId, lead: Arc<Lead>) -> Self {
        Self {
            running,
            inside: Some(Inside::Handler(queue, lead.origin())),
            lead: Some(lead),
            outer: None,
        }
    }

    /// The part of the bus that runs here.
    #[inline]
    pub(crate) fn inside(&self) -> Option<Inside> {
        match (self.inside, &self.lead) {
            (Some(Inside::Handler(queue, _)), Some(lead)) => {
                Some(Inside::Handler(queue, lead.origin()))
            }
            (inside, _) => inside,
        }
    }

    /// Whether no part of the bus runs here.
    #[inline]
    pub(crate) fn is_outside(&self) -> bool {
        self.inside.is_none()
    }

    /// The scope of a future that a user runs in the bus; other buses stay within reach.
    pub(crate) fn nested(running: Arc<Running>) -> Self {
        Self {
            // A handler that enters the scope of its own bus stays a handler.
            inside: inside(&running),
            running,
            lead: None,
            outer: own().map(Arc::new),
        }
    }

    /// Runs a future in this scope.
    pub(crate) fn run<F: Future + Unpin>(self, future: F) -> Scoped<F> {
        Scoped::new(Arc::new(self), future)
    }

    /// Calls a function in this scope.
    pub(crate) fn call<R>(self, function: impl FnOnce() -> R) -> R {
        place::within(&mut Some(Arc::new(self)), function)
    }

    /// The scope for a task that may outlive the handler it is spawned from.
    fn spawned(mut self) -> Self {
        let inside = self.inside();
        self.inside = inside.map(|inside| Inside::Spawned(inside.origin()));
        self.lead = None;
        self.outer = self
            .outer
            .map(|outer| Arc::new(Self::clone(&outer).spawned()));
        self
    }

    #[inline]
    fn find(&self, bus: BusName) -> Option<&Self> {
        let mut scope = self;
        while !scope.running.names.contains(&bus) {
            scope = scope.outer.as_deref()?;
        }
        Some(scope)
    }
}

/// What a look for a bus has found.
#[derive(Debug)]
pub(crate) enum Look {
    Bus(Arc<Running>, Option<Inside>),
    Nothing,
    /// More than one bus of the runtime has the name, and the task belongs to none.
    Ambiguous,
}

/// Does something with the task's own bus of a name, if it has one.
///
/// The scope is held meanwhile, so nothing may be called that enters another one.
#[inline]
pub(crate) fn with_own<R>(
    bus: BusName,
    with: impl FnOnce(&Running, Option<Inside>) -> Option<R>,
) -> Option<R> {
    let with = |scope: &Arc<Scope>| {
        let scope = scope.find(bus)?;
        with(&scope.running, scope.inside())
    };
    place::with(with).flatten()
}

/// Does something with the scope that this thread is in, if it is in one, whatever its bus is called.
///
/// It is held meanwhile, so nothing may be called that enters another one.
#[inline]
pub(crate) fn with_innermost<R>(with: impl FnOnce(&Scope) -> Option<R>) -> Option<R> {
    place::with(|scope| with(scope)).flatten()
}

/// Finds the bus of a name: the task's own, or else the only one of the runtime.
pub(crate) fn find(bus: BusName) -> Look {
    if !table::any() {
        return Look::Nothing;
    }
    let own = place::with(|scope| {
        let scope = scope.find(bus)?;
        Some((Arc::clone(&scope.running), scope.inside()))
    });
    if let Some(Some((running, inside))) = own {
        return Look::Bus(running, inside);
    }
    let Ok(runtime) = Handle::try_current() else {
        return Look::Nothing;
    };
    match table::named(runtime.id(), bus) {
        Found::One(running) => Look::Bus(running, None),
        Found::None => Look::Nothing,
        Found::Several => Look::Ambiguous,
    }
}

/// The task's own scope.
pub(crate) fn own() -> Option<Scope> {
    place::with(|scope| Scope::clone(scope))
}

/// The bus the task belongs to, or else the only bus that runs on this runtime.
pub(crate) fn innermost() -> Option<Scope> {
    own().or_else(
        || match table::only(Handle::try_current().ok()?.id(), |_| true) {
            Found::One(running) => Some(Scope::new(running, None)),
            Found::None | Found::Several => None,
        },
    )
}

/// The part of `running` that the task is, if it is one.
pub(crate) fn inside(running: &Arc<Running>) -> Option<Inside> {
    inside_of(running)
}

/// As [`inside`], for the inside of the bus itself.
pub(crate) fn inside_of(running: &Running) -> Option<Inside> {
    let found = place::with(|own| {
        let mut scope = &**own;
        while !std::ptr::eq(&*scope.running, running) {
            scope = scope.outer.as_deref()?;
        }
        scope.inside()
    });
    found?
}

/// Whether some bus runs in this program, so that a look for one is worth while.
#[inline]
#[must_use]
pub fn any_running() -> bool {
    table::any()
}

/// Whether this thread is in a scope.
#[inline]
pub(crate) fn is_entered() -> bool {
    place::is_there()
}

/// Whether one bus runs in this program, so that no scope is of another one.
#[inline]
pub(crate) fn is_only_bus() -> bool {
    table::is_one()
}

/// The running bus that annotated functions called here would use.
///
/// That is the bus in whose scope this task runs, or else the only bus that runs on this tokio runtime.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use signal_bus::Bus;
///
/// assert!(signal_bus::current().is_none());
/// Bus::empty().run(async {
///     assert!(signal_bus::current().is_some());
/// }).await
/// # })?; Ok::<_, anyhow::Error>(())
/// ```
#[must_use]
pub fn current() -> Option<BusHandle> {
    innermost().map(|scope| BusHandle::new(scope.running))
}

/// Spawns a task that belongs to the bus of the task that spawns it.
///
/// Needed only where several buses share a runtime: where there is one, `tokio::spawn` does as well. The task may still
/// publish while the bus drains, as long as something is being handled.
///
/// On a runtime of one thread it costs less than a task of `tokio::spawn` where it waits for what a handler does with a signal of its
/// own: where it has woken one worker, and no other one, that has its turn in the same poll, before other tasks, and so has it itself when the
/// handler wakes it, also if the handler has aborted it just before. `tokio::task::id()` in a handler is that of whichever task has
/// its turn.
///
/// # Panics
///
/// Panics outside of a tokio runtime, as `tokio::spawn` does.
#[expect(
    clippy::disallowed_methods,
    reason = "the task is the caller's: its handle is returned"
)]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let future = InBus::new(innermost().map(Scope::spawned), future);
    tokio::spawn(Driver::new(&Handle::current(), future))
}

/// Carries the current bus along with a future.
pub trait InCurrentBus: Future + Sized {
    /// Binds the future to the bus of this task, wherever it is polled later.
    ///
    /// A future that is bound outside of any bus stays what it is. One that is bound inside of a handler is to be awaited
    /// there; a task of its own is for [`spawn`].
    fn in_current_bus(self) -> InBus<Self> {
        InBus::new(innermost(), self)
    }
}

impl<F: Future> InCurrentBus for F {}

/// A future that is bound to a bus, made by [`InCurrentBus::in_current_bus`].
#[must_use = "futures do nothing unless they are polled"]
pub struct InBus<F>(Bound<F>);

enum Bound<F> {
    /// The scope is put in place and taken back at each poll, without a count.
    Inside(Scoped<Pin<Box<F>>>),
    Outside(Pin<Box<F>>),
}

impl<F: Future> InBus<F> {
    fn new(scope: Option<Scope>, future: F) -> Self {
        Self(match scope {
            Some(scope) => Bound::Inside(scope.run(Box::pin(future))),
            None => Bound::Outside(Box::pin(future)),
        })
    }
}

impl<F> fmt::Debug for InBus<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InBus")
            .field(&matches!(self.0, Bound::Inside(_)))
            .finish()
    }
}

impl<F: Future> Future for InBus<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match &mut self.0 {
            Bound::Inside(future) => Pin::new(future).poll(context),
            Bound::Outside(future) => future.as_mut().poll(context),
        }
    }
}
