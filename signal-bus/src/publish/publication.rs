//! What an annotated publisher is known by, and what it remembers.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{
    error::{Failure, publish::Refusal},
    observe::At,
    queue::offer::Inside,
    registry::BusName,
    route::{found::Finding, slots::PublisherNumber},
    scope::{self, Look, running::Running},
    site::Site,
};

/// One `#[publisher]`: where it stands and which bus it means.
#[derive(Debug)]
pub struct Publication {
    site: Site,
    pub(super) bus: BusName,
    /// Whether its signals stay in this bus.
    pub(super) local: bool,
    /// Whether they may be of several types.
    generic: bool,
    ambiguity_told: AtomicBool,
    /// Its number in the program, from 1, once it has published; 0 before.
    number: AtomicUsize,
    /// Whether nobody has heard its signals when it published last, in which generation of which bus.
    found: Finding,
}

/// How many publishers have a number.
static NUMBERED: AtomicUsize = AtomicUsize::new(0);

impl Publication {
    /// Written by the attribute.
    #[must_use]
    pub const fn new(site: Site) -> Self {
        Self {
            site,
            bus: BusName::DEFAULT,
            local: false,
            generic: false,
            ambiguity_told: AtomicBool::new(false),
            number: AtomicUsize::new(0),
            found: Finding::new(),
        }
    }

    /// The bus it means.
    #[must_use]
    pub const fn bus(mut self, name: &'static BusName) -> Self {
        self.bus = *name;
        self
    }

    /// Keeps its signals in this bus: no transport and no bridge carries them further.
    #[must_use]
    pub const fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Says that it stands in a generic function: its signals may be of several types.
    #[must_use]
    pub const fn generic(mut self) -> Self {
        self.generic = true;
        self
    }

    /// Its number; of two threads that ask first at once, one takes a number that then stays unused.
    #[inline]
    pub(super) fn number(&self) -> PublisherNumber {
        NonZeroUsize::new(self.number.load(Ordering::Relaxed)).unwrap_or_else(|| self.take_number())
    }

    #[cold]
    fn take_number(&self) -> PublisherNumber {
        let next = NonZeroUsize::MIN.saturating_add(NUMBERED.fetch_add(1, Ordering::Relaxed));
        let taken =
            self.number
                .compare_exchange(0, next.get(), Ordering::Relaxed, Ordering::Relaxed);
        taken.err().and_then(NonZeroUsize::new).unwrap_or(next)
    }

    /// Remembers that nobody hears its signals in this generation, of whatever bus.
    pub(super) fn learn_silent(&self, generation: u64) {
        // Each type is checked anew where there may be several. Others may look at it at the same time, so it is not
        // written for nothing.
        if !(self.generic || self.found.is_silent(generation)) {
            self.found.silent(generation);
        }
    }

    /// Publishes a signal if all there is to do is to count it: nobody heard the last one on the bus this thread is in, and
    /// nobody has come since; whether it was.
    ///
    /// All else that a publish asks for was seen to then, and cannot change without a new generation: the bus of its name, its
    /// topic, which is the same each time, the type of that, and who else wants to see the signal.
    pub(super) fn is_unheard(&self) -> bool {
        scope::with_innermost(|running| running.passes_unheard(&self.found)) == Some(true)
    }

    pub(super) fn find(&self) -> Option<(Arc<Running>, Option<Inside>)> {
        match scope::find(self.bus) {
            Look::Bus(running, inside) => Some((running, inside)),
            Look::Nothing => None,
            Look::Ambiguous => {
                if !self.ambiguity_told.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        publisher = %self.site,
                        "published nothing: more than one bus runs on this runtime and the task belongs to none; \
                         use `signal_bus::spawn` or `.in_current_bus()`"
                    );
                }
                None
            }
        }
    }

    pub(super) fn refuse(&self, running: &Running, topic: &str, refusal: Refusal) {
        running.observe.refused.add(1);
        let at = At::topic(self.site, topic);
        running.observe.failed(&at, &Failure::Refused(refusal));
    }
}
