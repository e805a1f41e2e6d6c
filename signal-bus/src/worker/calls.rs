//! The calls of a worker that has several at once, and retries: what waits for another attempt gives its own to others.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::sync::{Mutex, Notify, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::worker::{Handlers, Work};

/// The calls that a worker may have at once.
///
/// Those who wait for one get it in order, and before anybody who only [looks](Self::try_begin): so what is to be tried again
/// goes before what is new.
pub(super) struct Calls {
    /// `None`: as many as there are signals.
    free: Option<Arc<Semaphore>>,
    /// Tells the worker when one is given up.
    given_up: Notify,
    /// Held by whoever tries whether a rest is over: the worker, or what is to be tried again.
    tries: Arc<Mutex<()>>,
}

/// A call, as long as it is held.
pub(super) enum Slot {
    /// From the first attempt to the last.
    Kept,
    /// From the beginning of each attempt to its end.
    Lent(Lent),
}

/// A call that is held for one attempt.
#[derive(Default)]
pub(super) struct Lent {
    _permit: Option<OwnedSemaphorePermit>,
    /// Whether the attempt is to show if a rest is over.
    pub(super) turn: Option<Turn>,
}

/// A try whether a rest is over, during which there is no other.
pub(super) struct Turn {
    _others: OwnedMutexGuard<()>,
}

impl Slot {
    /// The turn to show whether a rest is over, if the attempt has that.
    pub(super) fn take_turn(&mut self) -> Option<Turn> {
        match self {
            Self::Kept => None,
            Self::Lent(lent) => lent.turn.take(),
        }
    }
}

impl Calls {
    /// `None` for a worker with one call, where what waits for another attempt keeps others waiting, and so the order.
    pub(super) fn new(limit: Option<NonZeroUsize>) -> Option<Self> {
        let free = limit.map(|limit| Semaphore::new(limit.get().min(Semaphore::MAX_PERMITS)));
        (limit != Some(NonZeroUsize::MIN)).then(|| Self {
            free: free.map(Arc::new),
            given_up: Notify::new(),
            tries: Arc::default(),
        })
    }

    fn has_room(&self) -> bool {
        let free = self.free.as_ref();
        free.is_none_or(|free| 0 < free.available_permits())
    }

    /// A call for a new signal, if one is free that nobody waits for.
    fn try_begin(&self) -> Option<Lent> {
        let Some(free) = &self.free else {
            return Some(Lent::default());
        };
        let permit = Arc::clone(free).try_acquire_owned().ok()?;
        Some(Lent {
            _permit: Some(permit),
            turn: None,
        })
    }

    /// Waits for a call, for an attempt that may be a try.
    pub(super) async fn begin(&self, turn: Option<Turn>) -> Lent {
        let permit = match &self.free {
            None => None,
            Some(free) => Some(Arc::clone(free).acquire_owned().await),
        };
        Lent {
            _permit: permit.map(|permit| permit.expect("nobody closes it")),
            turn,
        }
    }

    /// Waits until there is no other try.
    pub(super) async fn turn(&self) -> Turn {
        Turn {
            _others: Arc::clone(&self.tries).lock_owned().await,
        }
    }

    /// Gives up a call, and tells the worker.
    pub(super) fn give_up(&self, slot: &mut Slot) {
        *slot = Slot::Lent(Lent::default());
        self.given_up.notify_one();
    }
}

impl Work {
    pub(super) fn calls(&self) -> Option<&Calls> {
        self.effort.as_ref()?.calls.as_ref()
    }

    /// Whether a further call has to wait.
    pub(super) fn lacks_room(&self, handlers: &Handlers) -> bool {
        match self.calls() {
            Some(calls) => !calls.has_room(),
            // A member of a group has its own limit, which the queue does not know.
            None => self.is_at_limit(handlers),
        }
    }

    /// Waits until there is room for a further call.
    pub(super) async fn has_room(&self, handlers: &mut Handlers) {
        while self.lacks_room(handlers) {
            match self.calls() {
                Some(calls) => tokio::select! {
                    () = calls.given_up.notified() => {}
                    _ = handlers.join_next() => {}
                },
                None => drop(handlers.join_next().await),
            }
        }
    }

    /// Room for a further call, if there is some.
    pub(super) fn slot(&self, handlers: &Handlers) -> Option<Slot> {
        match self.calls() {
            Some(calls) => calls.try_begin().map(Slot::Lent),
            None => (!self.is_at_limit(handlers)).then_some(Slot::Kept),
        }
    }

    fn is_at_limit(&self, handlers: &Handlers) -> bool {
        self.limit
            .is_some_and(|limit| limit.get() <= handlers.len())
    }
}
