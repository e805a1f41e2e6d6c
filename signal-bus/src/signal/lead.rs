//! What of a run is seen from outside while its handler has it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::signal::{id::SignalId, label::Origin};

/// How far a handler is that goes from signal to signal.
#[derive(Debug)]
pub(crate) struct Lead {
    parent: AtomicU64,
    root: AtomicU64,
    /// How many signals the handler has begun with since the run was last filled.
    begun: AtomicUsize,
    /// How many of those have been settled.
    settled: AtomicUsize,
    /// How many may be begun at most.
    limit: AtomicUsize,
    /// Whether the handler is through with the run.
    through: AtomicBool,
}

impl Default for Lead {
    fn default() -> Self {
        Self {
            parent: AtomicU64::new(SignalId::UNSET.number()),
            root: AtomicU64::new(SignalId::UNSET.number()),
            begun: AtomicUsize::new(0),
            settled: AtomicUsize::new(0),
            limit: AtomicUsize::new(usize::MAX),
            through: AtomicBool::new(false),
        }
    }
}

impl Lead {
    /// What leads to what the handler publishes now.
    pub(crate) fn origin(&self) -> Origin {
        let id = |number: &AtomicU64| SignalId::numbered(number.load(Ordering::Relaxed));
        Origin {
            parent: id(&self.parent),
            root: id(&self.root),
        }
    }

    /// Whether a further signal may be begun.
    #[inline]
    pub(super) fn goes_on(&self) -> bool {
        self.begun() < self.limit.load(Ordering::Acquire)
    }

    /// Begins with a signal, if a further one may be begun.
    #[inline]
    pub(super) fn follows(&self, leads: Origin) -> bool {
        let goes_on = self.goes_on();
        if goes_on {
            self.follow(leads);
        }
        goes_on
    }

    /// Begins with the next signal.
    #[inline]
    pub(super) fn follow(&self, leads: Origin) {
        let Origin { parent, root } = leads;
        self.parent.store(parent.number(), Ordering::Relaxed);
        self.root.store(root.number(), Ordering::Relaxed);
        // Nobody else writes it.
        self.begun.store(self.begun() + 1, Ordering::Relaxed);
    }

    /// How many signals the handler has begun with since the run was last filled.
    #[inline]
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// How many signals are over and not settled.
    pub(crate) fn unsettled(&self) -> usize {
        let settled = self.settled.load(Ordering::Relaxed);
        // The last one that was begun is not over before the handler is through.
        let on = usize::from(!self.through.load(Ordering::Relaxed));
        self.begun().saturating_sub(settled + on)
    }

    /// Counts signals that were settled.
    pub(crate) fn settle(&self, count: usize) {
        self.settled.fetch_add(count, Ordering::Relaxed);
    }

    /// Begins to count anew.
    pub(crate) fn recount(&self) {
        self.begun.store(0, Ordering::Relaxed);
        self.settled.store(0, Ordering::Relaxed);
        self.through.store(false, Ordering::Relaxed);
    }

    /// Notes that the handler is through with what it was given.
    pub(crate) fn end(&self) {
        self.through.store(true, Ordering::Relaxed);
    }

    /// Whether the handler has begun, and is not through.
    pub(crate) fn is_on(&self) -> bool {
        0 < self.begun() && !self.through.load(Ordering::Relaxed)
    }

    /// Lets only so many signals be begun from when the run is next filled.
    pub(crate) fn allow(&self, count: usize) {
        self.limit.store(count, Ordering::Release);
    }

    /// Lets no further signal be begun. One that is being begun on another thread may still be.
    pub(crate) fn stop(&self) {
        self.allow(0);
    }
}
