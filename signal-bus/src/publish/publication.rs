//! What an annotated publisher is known by, and what it remembers.

use std::{
    any::TypeId,
    num::NonZeroUsize,
    ptr::NonNull,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{
    error::{Failure, publish::Refusal},
    observe::At,
    queue::{generation::is_newest, lane::Lane, log::LogId, offer::Inside},
    registry::BusName,
    route::{
        found::{Finding, Recalled, Remembered},
        slots::PublisherNumber,
        topic::Route,
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
    /// Whether it cannot wait.
    pub(super) at_once: bool,
    /// Whether its signals may be of several types.
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
            at_once: false,
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

    /// Says that it cannot wait: it is a plain `fn`, and called by hand.
    #[must_use]
    pub const fn at_once(mut self) -> Self {
        self.at_once = true;
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
    /// topic, which is the same each time, whether it is local, and who else wants to see the signal. Only what it `carries` may
    /// be another type: that does not follow those before it, and finds no route.
    #[inline]
    pub(super) fn publish_again<V: Put>(
        &self,
        carries: fn() -> TypeId,
        place: impl FnOnce() -> Option<V>,
    ) -> Option<bool> {
        let lane = match self.lane_of_only_bus() {
            Some(lane) => lane,
            None => match self.again(carries)? {
                Again::Unheard => return Some(true),
                Again::Lane(lane) => lane,
            },
        };
        match place() {
            Some(mut value) => self.publish_through(lane, carries, &mut value),
            None => Some(false),
        }
    }

    /// The lane that the last one had, if that holds still: told without a look at the scope, which is of no other bus.
    ///
    /// That look has to be made before there is a value, for a `clone` is the user's, and is called only where somebody hears it. Here
    /// it is enough that there is a scope.
    #[inline]
    fn lane_of_only_bus(&self) -> Option<Remembered> {
        let only = || scope::is_only_bus() && scope::is_entered();
        let lane = self.found.lane().filter(|_| only());
        lane.filter(|lane| is_newest(lane.generation()))
    }

    /// How the last one was published, if that is known and holds still; what nobody hears is counted here.
    ///
    /// Not in line, nor what follows, so that each look at the place of the scope is in line, and each way as short as it can be.
    #[inline(never)]
    fn again(&self, carries: fn() -> TypeId) -> Option<Again> {
        scope::with_innermost(|scope| {
            let running = &scope.running;
            match self.found.recall(running.routes.generation())? {
                Recalled::Lane(lane) => Some(Again::Lane(lane)),
                Recalled::Silent => self.unheard(running, carries),
            }
        })
    }

    fn unheard(&self, running: &Running, carries: fn() -> TypeId) -> Option<Again> {
        let unheard = self.carries.get() == Some(&carries()) && running.counts_unheard();
        unheard.then_some(Again::Unheard)
    }

    /// Publishes through a lane of the bus this thread is in; whether it was published, `None` if it is in none.
    ///
    /// Made for each type, so that a value that follows others is put in by a step of its own; what is done seldom is for all.
    #[inline(never)]
    fn publish_through<V: Put>(
        &self,
        lane: Remembered,
        carries: fn() -> TypeId,
        value: &mut V,
    ) -> Option<bool> {
        scope::with_innermost(|scope| {
            // Another bus, or a later generation of this one, does not know the lane.
            let lane = lane.lane()?;
            if !(scope.is_outside() && Headers::are_none()) {
                return Some(self.publish_within(scope, lane, carries, value));
            }
            let running = &*scope.running;
            let route = || self.route(running, carries);
            Some(running.publish_plain((lane, NonNull::from(self).addr()), route, value))
        })
    }

    #[inline(never)]
    fn publish_within(
        &self,
        scope: &Scope,
        lane: Lane,
        carries: fn() -> TypeId,
        value: &mut dyn Put,
    ) -> bool {
        let running = &scope.running;
        let route = self.route(running, carries);
        route.is_some_and(|route| running.publish_within(route, lane, scope.inside(), value))
    }

    /// What it has published on last, if that carries this.
    fn route<'running>(
        &self,
        running: &'running Running,
        carries: fn() -> TypeId,
    ) -> Option<&'running Arc<Route>> {
        let route = running.routes.of_publisher(self.number())?;
        (route.about.carries.id == carries()).then_some(route)
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
