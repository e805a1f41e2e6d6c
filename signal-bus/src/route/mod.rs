//! From a topic to the queues of those who hear it, while they come and go.
//!
//! Who hears a topic is found out once and remembered with the topic, together with the generation it was found in. Each
//! coming and going begins a new generation, so nothing that is remembered can be wrong: it is looked up again when the topic
//! is next published on.

pub(crate) mod slots;
pub(crate) mod declared;
pub(crate) mod found;
pub(crate) mod hearer;
pub(crate) mod member;
pub(crate) mod topic;
pub(crate) mod common;
pub(crate) mod table;
pub(crate) mod cache;
pub(crate) mod present;
mod fitting;

use std::{
    panic::Location,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    error::{InvalidTopic, publish::Refusal},
    guarded::discard,
    queue::{
        Exchange,
        generation::begin_generation,
        joining::{NotJoined, Replay},
        kept::{Keeps, Since},
        offer::Destination,
    },
    route::{
        cache::Cache,
        common::Common,
        declared::Declared,
        found::Way,
        hearer::{Hearer, Wish},
        present::Present,
        slots::{PublisherNumber, Slots},
        topic::{Hearing, Known, Route, Travels},
    },
    signal::{Kind, Signal},
    sync::{AtomicU64, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
    topic::{
        Traits, name,
        named::{Named, Names},
        pattern::Pattern,
        template::Template,
    },
};

/// So many subscriptions leave at least before topics are looked through for those.
const SWEPT_MIN: usize = 64;

/// All topics of a running bus that were published on or declared, and all who hear them.
#[derive(Debug)]
pub(crate) struct Routes {
    present: RwLock<Present>,
    /// A copy of the generation that can be read without the lock.
    generation: AtomicU64,
    pub(crate) declared: Declared,
    /// What the histories of the bus keep, in the order of their places.
    pub(crate) histories: Vec<(Pattern, usize)>,
    names: Names,
    cache: RwLock<Cache>,
    common: Mutex<Common>,
    /// Subscriptions that have left since topics were last looked through for those.
    departed: AtomicUsize,
    lines: AtomicUsize,
    slots: Slots,
    /// The topics that travel, and how.
    travelling: Vec<(Pattern, Travels)>,
}

impl Routes {
    /// Nobody hears anything, as of this generation.
    pub(crate) fn new(
        declared: Declared,
        histories: Vec<(Pattern, usize)>,
        travelling: Vec<(Pattern, Travels)>,
        generation: u64,
    ) -> Self {
        Self {
            generation: AtomicU64::new(generation),
            present: RwLock::new(Present::new(generation)),
            declared,
            histories,
            names: Names::default(),
            cache: RwLock::default(),
            common: Mutex::default(),
            departed: AtomicUsize::new(0),
            lines: AtomicUsize::new(0),
            slots: Slots::default(),
            travelling,
        }
    }

    /// Finds the route of a topic for signals of one type; the first type published on a new topic binds it.
    pub(crate) fn resolve(
        &self,
        topic: &str,
        kind: Kind,
        at: &'static Location<'static>,
    ) -> Result<Arc<Route>, Refusal> {
        let named = self.names.named(topic);
        let route = match self.known(named) {
            Some(route) => route,
            None => {
                name::check_exact(topic).map_err(|error| invalid(topic, error))?;
                self.check_subscribed(topic, kind)?;
                self.add(named, kind, Some(at))
            }
        };
        route.check(kind)?;
        Ok(route)
    }

    /// The route of a publisher whose topic is the same each time, once it was found.
    #[inline]
    pub(crate) fn of_publisher(&self, number: PublisherNumber) -> Option<&Arc<Route>> {
        self.slots.get(number)
    }

    /// Remembers the route of a publisher whose topic is the same each time.
    pub(crate) fn remember(&self, number: PublisherNumber, route: &Arc<Route>) {
        self.slots.set(number, route);
    }

    /// Finds the route of one of the bus's own topics.
    pub(crate) fn reserved(&self, topic: &str, kind: Kind) -> Arc<Route> {
        let named = self.names.named(topic);
        self.known(named)
            .unwrap_or_else(|| self.add(named, kind, None))
    }

    /// Finds the way of signals that have a type, and no topic.
    pub(crate) fn broadcast(&self, kind: Kind) -> Arc<Route> {
        let known = read(&self.cache).broadcast(kind);
        known.unwrap_or_else(|| {
            let route = Arc::new(Route::new("", self.next_line(), kind, None));
            write(&self.cache).insert_broadcast(kind, route)
        })
    }

    /// Who hears a topic now; `None` if nobody does and nothing is kept of it.
    pub(crate) fn hearing(&self, route: &Route) -> Option<Arc<Hearing>> {
        match route.known(self.generation()) {
            Known::Heard(hearing) => Some(hearing),
            Known::Silent => None,
            Known::Nothing => Some(self.look(route)),
        }
    }

    /// Whether nobody hears a topic, and nothing is kept of it.
    pub(crate) fn is_silent(&self, route: &Route) -> bool {
        if route.travels.is_some() {
            return false;
        }
        let generation = self.generation();
        let silent = route.is_silent(generation);
        silent || !route.is_known(generation) && self.look(route).is_silent()
    }

    /// As [`Route::with_plain`], for who is there now.
    pub(crate) fn with_plain<R>(
        &self,
        route: &Route,
        with: impl FnOnce(&Destination) -> R,
    ) -> Option<R> {
        route.with_plain(self.generation(), with)
    }

    /// The generation of those who are there now.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// As [`Route::way`], for who is there now.
    #[inline]
    pub(crate) fn way(&self, route: &Route) -> Way {
        route.way(self.generation())
    }

    /// Finds out who hears a topic, and remembers it.
    pub(crate) fn look(&self, route: &Route) -> Arc<Hearing> {
        let (hearing, mismatched) = self.present().hearing(route, self.keeps(route));
        let hearing = match hearing.is_silent() {
            true => Arc::new(hearing),
            false => lock(&self.common).share(hearing),
        };
        route.learn(&hearing);
        // A log may publish in turn, so it is told without the lock.
        for hearer in mismatched {
            hearer.tell_mismatch(&route.about.topic, route.about.carries);
        }
        hearing
    }

    fn keeps(&self, route: &Route) -> Keeps {
        let histories = self.histories.iter().enumerate();
        let histories = histories.filter(|(_, (pattern, _))| pattern.matches(&route.about.topic));
        Keeps {
            newest: route.sticky.load(Ordering::Acquire),
            histories: histories.map(|(place, _)| place).collect(),
        }
    }

    /// Sets what a publisher or a subscriber says is special about a topic.
    pub(crate) fn mark(&self, route: &Route, traits: Traits, exchange: &Exchange) {
        let new = (traits.sticky && !route.sticky.load(Ordering::Acquire))
            || (traits.local && !route.local.load(Ordering::Acquire));
        if new {
            self.mark_named(&route.about.topic, traits, exchange);
        }
    }

    /// As [`mark`](Self::mark), for a topic that may not have been published on. What is said once holds for good.
    pub(crate) fn mark_named(&self, topic: &str, traits: Traits, exchange: &Exchange) {
        if traits.nothing() {
            return;
        }
        let named = self.names.named(topic);
        if write(&self.cache).mark(named, traits) {
            self.renew(&mut self.present_mut(), exchange);
        }
    }

    /// Begins a new generation: what is known of any topic is found out again.
    pub(crate) fn renew(&self, present: &mut Present, exchange: &Exchange) {
        let generation = begin_generation();
        present.go_on(generation);
        exchange.renew(generation);
        self.generation.store(generation, Ordering::Release);
    }

    /// Lets topics forget a subscription that has left. What they remember of it would not be used any more, but kept.
    pub(crate) fn left(&self, hearer: &Hearer) {
        let generation = self.generation();
        let cache = read(&self.cache);
        for pattern in hearer.patterns().filter(|pattern| pattern.is_exact()) {
            if let Some(route) = cache.peek(self.names.named(pattern.as_str())) {
                route.forget(generation);
            }
        }
        // Who has heard by wildcards is looked for when so many have left that it is worth the while.
        let departed = self.departed.fetch_add(1, Ordering::Relaxed) + 1;
        if SWEPT_MIN.max(cache.len()) <= departed {
            self.departed.store(0, Ordering::Relaxed);
            cache.iter().for_each(|route| route.forget(generation));
            drop(cache);
            lock(&self.common).clear();
        }
    }

    /// Lets a subscription in: it gets each signal it hears that is let in from now on.
    ///
    /// Its queue opens in the step in which offers get stale that do not know of it.
    pub(crate) fn join(
        &self,
        present: &mut Present,
        exchange: &Exchange,
        wish: Wish,
        since: Since,
    ) -> Result<Arc<Hearer>, NotJoined> {
        let wants = |signal: &Signal| {
            let mut patterns = wish.templates.iter().map(Template::pattern);
            wish.kind.is_none_or(|kind| kind == signal.kind())
                && patterns.any(|pattern| pattern.matches(signal.topic()))
        };
        let replay = Replay {
            since,
            wants: &wants,
        };
        let generation = begin_generation();
        let queue = exchange.join(wish.settings, generation, &replay)?;
        present.go_on(generation);
        let hearer = present.insert(queue, wish);
        self.generation.store(generation, Ordering::Release);
        Ok(hearer)
    }

    pub(crate) fn present(&self) -> RwLockReadGuard<'_, Present> {
        read(&self.present)
    }

    pub(crate) fn present_mut(&self) -> RwLockWriteGuard<'_, Present> {
        write(&self.present)
    }

    /// The route of a topic that was published on, as long as it is remembered.
    pub(crate) fn cached(&self, topic: &str) -> Option<Arc<Route>> {
        self.known(self.names.named(topic))
    }

    fn known(&self, topic: Named<'_>) -> Option<Arc<Route>> {
        read(&self.cache).get(topic).cloned()
    }

    fn add(
        &self,
        named: Named<'_>,
        kind: Kind,
        at: Option<&'static Location<'static>>,
    ) -> Arc<Route> {
        let topic = named.name;
        let declared = self.declared.of(topic);
        let bound = declared.and_then(|declared| declared.kind);
        let at = at.filter(|_| bound.is_none());
        let mut route = Route::new(topic, self.next_line(), bound.unwrap_or(kind), at);
        route.travels = self.travels(topic);
        if let Some(declared) = declared {
            route.mark(declared.traits);
        }
        let fixed = self.declared.exact(topic).is_some();
        let (route, forgotten) = write(&self.cache).insert(named.hash, Arc::new(route), fixed);
        discard(forgotten);
        route
    }

    /// How the signals of a topic travel, if they do.
    pub(crate) fn travels(&self, topic: &str) -> Option<Travels> {
        let mut travelling = self.travelling.iter();
        let found = travelling.find(|(pattern, _)| pattern.matches(topic));
        found.map(|(_, travels)| *travels)
    }

    pub(crate) fn next_line(&self) -> usize {
        self.lines.fetch_add(1, Ordering::Relaxed)
    }

    /// The type that a topic carries, if something has bound it.
    pub(crate) fn carries(&self, topic: &str) -> Option<Kind> {
        let published = self.cached(topic).map(|route| route.about.carries);
        published.or_else(|| self.declared.of(topic)?.kind)
    }

    /// Those who hear a topic, whatever it carries; the most specific first.
    pub(crate) fn hearers(&self, topic: &str) -> Vec<Arc<Hearer>> {
        self.present().matching(topic)
    }

    /// Those who hear a topic that fits a pattern, in the order of subscription.
    pub(crate) fn hearers_below(&self, pattern: &Pattern) -> Vec<Arc<Hearer>> {
        let present = self.present();
        let all = present.all();
        let hears = |hearer: &&Arc<Hearer>| {
            let mut patterns = hearer.patterns();
            patterns.any(|other| other.overlaps(pattern))
        };
        all.filter(hears).cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn invalid(topic: &str, error: InvalidTopic) -> Refusal {
    Refusal::InvalidTopic {
        topic: topic.into(),
        error,
    }
}
