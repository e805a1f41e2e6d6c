//! What an annotated publisher is known by, and what it remembers.

use std::{
    any::TypeId,
    num::NonZeroUsize,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{
    error::{Failure, publish::Refusal},
    observe::At,
    queue::{log::LogId, offer::Inside},
    registry::BusName,
    route::{
        found::{Finding, Remembered},
        slots::PublisherNumber,
    },
    scope::{self, Look, Scope, running::Running},
    signal::{Kind, headers::Headers, values::Put},
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
    /// How it has published last, in which generation of which bus.
    found: Finding,
    /// The type of what that was: in a generic `impl`, which its attribute cannot see, there may be others.
    carries: OnceLock<TypeId>,
}

/// How a publisher has published last.
#[derive(Clone, Copy, Debug)]
pub(super) enum Again {
    /// Nobody heard it, and this one is counted.
    Unheard,
    /// Through a lane, which may be free.
    Lane(Remembered),
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
            carries: OnceLock::new(),
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

    /// Remembers that nobody hears its signals in this generation, of whatever bus, or that they have a lane and leave the bus.
    pub(super) fn learn(&self, generation: u64, log: Option<LogId>, carries: Kind) {
        // Each type is checked anew where there may be several.
        if !self.generic && *self.carries.get_or_init(|| carries.id) == carries.id {
            self.found.learn(generation, log);
        }
    }

    /// Publishes what `place` gives as the last one was published on the bus this thread is in: nobody has heard that, or it had
    /// a lane. Whether it was published; `None` if that is to be found out.
    ///
    /// All else that a publish asks for was seen to then, and cannot change without a new generation: the bus of its name, its
    /// topic, which is the same each time, the type of that, whether it is local, and who else wants to see the signal.
    #[inline]
    pub(super) fn publish_again<V: Put>(
        &self,
        carries: TypeId,
        place: impl FnOnce() -> Option<V>,
    ) -> Option<bool> {
        if self.carries.get() != Some(&carries) {
            return None;
        }
        match self.again()? {
            Again::Unheard => Some(true),
            Again::Lane(lane) => {
                let value = place();
                Some(value.is_some_and(|mut value| self.publish_through(lane, &mut value)))
            }
        }
    }

    /// How the last one was published, if that is known and holds still; what nobody hears is counted here.
    ///
    /// Not in line, nor what follows, so that each look at the place of the scope is in line, and each way as short as it can be.
    #[inline(never)]
    fn again(&self) -> Option<Again> {
        scope::with_innermost(|scope| self.again_on(&scope.running))
    }

    #[inline(never)]
    fn again_on(&self, running: &Running) -> Option<Again> {
        let generation = running.routes.generation();
        if self.found.is_silent(generation) {
            return running.counts_unheard().then_some(Again::Unheard);
        }
        self.found.remembered(generation).map(Again::Lane)
    }

    #[inline(never)]
    fn publish_through(&self, lane: Remembered, value: &mut dyn Put) -> bool {
        let published = scope::with_innermost(|scope| self.publish_in(scope, lane, value));
        published == Some(true)
    }

    #[inline(never)]
    fn publish_in(&self, scope: &Scope, lane: Remembered, value: &mut dyn Put) -> Option<bool> {
        let (running, number) = (&scope.running, self.number());
        let route = || running.routes.of_publisher(number);
        // Another bus, or a later generation of this one, does not know the lane.
        let lane = lane.lane()?;
        Some(match scope.is_outside() && Headers::current().is_none() {
            true => running.publish_plain((lane, number), route, value),
            false => running.publish_within(route()?, lane, scope.inside(), value),
        })
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
