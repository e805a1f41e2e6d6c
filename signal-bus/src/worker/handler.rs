//! What a worker calls.

use crate::{
    registry::{
        handler::HandlerFuture,
        subscriber::{Call, Handle, HandleBatch},
    },
    signal::{Signal, run::Run},
};

/// How a worker calls its handler.
pub(crate) enum Handler {
    /// An annotated function.
    Each(Handle),
    /// An annotated function that takes several signals at once.
    Batch(HandleBatch),
    /// A listener.
    Listener(Box<dyn Closure>),
}

/// What a listener calls.
pub(crate) trait Closure: Send + Sync {
    /// Calls it with one signal.
    fn call(&self, signal: Signal) -> HandlerFuture<'static>;
    /// Calls it with one signal of a run after the other, until one fails.
    fn call_each(&self, run: Run) -> HandlerFuture<'_>;
}

impl From<Call> for Handler {
    fn from(call: Call) -> Self {
        match call {
            Call::Each(handle) => Self::Each(handle),
            Call::Batch(handle, _) => Self::Batch(handle),
        }
    }
}

/// What a hand calls with its signals.
#[derive(Clone, Copy)]
pub(super) enum Way<'call> {
    Function(Handle),
    Closure(&'call dyn Closure),
}

impl<'call> Way<'call> {
    /// Begins the calls with a run.
    pub(super) fn begin(self, run: Run) -> HandlerFuture<'call> {
        match self {
            Self::Function(handle) => handle(run),
            Self::Closure(closure) => closure.call_each(run),
        }
    }
}
