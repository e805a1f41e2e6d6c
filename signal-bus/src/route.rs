//! From a topic to the queues of those who hear it.

use std::{
    collections::HashMap,
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{
    error::{InvalidTopic, Refusal},
    guarded::caught,
    queue::{QueueId, Target},
    registry::{
        publisher::PublisherEntry,
        subscriber::{Filter, Key, SubscriberEntry},
    },
    signal::{AnyValue, Kind},
    topic::{name, pattern::Pattern},
};

/// Topics that no attribute names are remembered up to this many; beyond, all of these are resolved anew.
const DYNAMIC_TOPICS_MAX: usize = 65_536;

/// One subscription as the routes see it.
pub(crate) struct Hearer {
    queue: QueueId,
    patterns: Vec<Pattern>,
    kind: Option<Kind>,
    filter: Option<Filter>,
    key: Option<Key>,
    /// Whether it was said that a signal of another type passed it by.
    mismatch_told: AtomicBool,
}

impl fmt::Debug for Hearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hearer({:?} of {:?})", self.queue, self.patterns)
    }
}

impl Hearer {
    pub(crate) fn new(queue: QueueId, subscriber: &SubscriberEntry) -> Self {
        let patterns = subscriber.topics.iter();
        Self {
            queue,
            // The attributes have checked the names.
            patterns: patterns
                .filter_map(|topic| Pattern::new(topic).ok())
                .collect(),
            kind: subscriber.kind,
            filter: subscriber.filter.clone(),
            key: subscriber.key.clone(),
            mismatch_told: AtomicBool::new(false),
        }
    }

    /// The most specific of its patterns that hears the topic.
    fn hears(&self, topic: &str) -> Option<&Pattern> {
        let hearing = self
            .patterns
            .iter()
            .filter(|pattern| pattern.matches(topic));
        hearing.min_by_key(|pattern| pattern.specificity())
    }
}

/// A topic of a running bus: what it carries, and who hears it.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) topic: Arc<str>,
    /// Its number; publishers that wait stand in the line of this number.
    pub(crate) line: usize,
    /// The type it carries.
    carries: Kind,
    targets: Arc<[Target]>,
    hearers: Vec<Arc<Hearer>>,
    /// Whether a filter or a key must be asked for each signal.
    selective: bool,
    /// Subscriptions that hear the topic but not its type.
    pub(crate) mismatched: u64,
}

impl Route {
    pub(crate) fn is_heard(&self) -> bool {
        !self.targets.is_empty()
    }

    /// The queues that want `value`.
    ///
    /// A filter or a key that panics lets the signal in: its handler is the place to fail.
    pub(crate) fn targets(&self, value: &AnyValue) -> Arc<[Target]> {
        if !self.selective {
            return Arc::clone(&self.targets);
        }
        let wants = |hearer: &&Arc<Hearer>| {
            let Some(filter) = &hearer.filter else {
                return true;
            };
            caught(|| filter(value)).unwrap_or(true)
        };
        let target = |hearer: &Arc<Hearer>| {
            let key = hearer.key.as_ref().map(|key| caught(|| key(value)));
            Target {
                queue: hearer.queue,
                key: key.and_then(Result::ok).unwrap_or_default(),
            }
        };
        self.hearers.iter().filter(wants).map(target).collect()
    }

    pub(crate) fn check(&self, kind: Kind) -> Result<(), Refusal> {
        if self.carries == kind {
            return Ok(());
        }
        Err(Refusal::TypeMismatch {
            topic: (*self.topic).into(),
            carries: self.carries.name,
            found: kind.name,
        })
    }
}

/// Identifies a publisher of the program, from 1.
pub(crate) type PublisherNumber = NonZeroUsize;

/// The route of each publisher whose topic is always the same, by the publisher's number: found without a hash.
///
/// Bucket `k` has room for the numbers from `2^k` on; it grows without moving what others look at.
#[derive(Default, Debug)]
struct Slots([OnceLock<Box<[Slot]>>; 32]);

type Slot = OnceLock<Arc<Route>>;

impl Slots {
    fn get(&self, number: PublisherNumber) -> Option<&Arc<Route>> {
        let (bucket, at) = Self::place(number);
        self.0.get(bucket)?.get()?.get(at)?.get()
    }

    fn set(&self, number: PublisherNumber, route: &Arc<Route>) {
        let (bucket, at) = Self::place(number);
        let Some(bucket) = self.0.get(bucket) else {
            return;
        };
        let room = || (0..number.get() - at).map(|_| OnceLock::new()).collect();
        // Whoever was first has put in the same route.
        bucket.get_or_init(room)[at].get_or_init(|| Arc::clone(route));
    }

    fn place(number: PublisherNumber) -> (usize, usize) {
        let bucket = number.ilog2() as usize;
        (bucket, number.get() - (1 << bucket))
    }
}

/// All topics of a running bus that were published on or declared.
#[derive(Debug)]
pub(crate) struct Routes {
    hearers: Vec<Arc<Hearer>>,
    /// Places of the hearers that name a topic exactly.
    exact: HashMap<Box<str>, Vec<usize>>,
    /// Places of the hearers that have a wildcard.
    wide: Vec<usize>,
    /// Types that attributes bind to topics, and to the patterns of templates.
    declared: HashMap<&'static str, Kind>,
    templates: Vec<(Pattern, Kind)>,
    resolved: RwLock<HashMap<Arc<str>, Arc<Route>>>,
    lines: AtomicUsize,
    slots: Slots,
}

impl Routes {
    pub(crate) fn new(
        hearers: Vec<Hearer>,
        publishers: &[PublisherEntry],
        subscribers: &[SubscriberEntry],
    ) -> Self {
        let mut declared = HashMap::new();
        let mut templates = Vec::new();
        let published = publishers
            .iter()
            .filter_map(|one| Some((one.topic, one.kind?)));
        let heard = subscribers
            .iter()
            .filter_map(|one| Some((&one.topics, one.kind?)));
        let heard = heard.flat_map(|(topics, kind)| topics.iter().map(move |topic| (*topic, kind)));
        for (topic, kind) in published {
            match Pattern::new(topic) {
                Ok(pattern) if !pattern.is_exact() => templates.push((pattern, kind)),
                _ => drop(declared.insert(topic, kind)),
            }
        }
        for (topic, kind) in heard {
            if Pattern::new(topic).is_ok_and(|pattern| pattern.is_exact() && !pattern.is_reserved())
            {
                declared.entry(topic).or_insert(kind);
            }
        }
        let mut exact: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        let mut wide = Vec::new();
        for (place, hearer) in hearers.iter().enumerate() {
            if !hearer.patterns.iter().all(Pattern::is_exact) {
                wide.push(place);
                continue;
            }
            for pattern in &hearer.patterns {
                exact
                    .entry(pattern.as_str().into())
                    .or_default()
                    .push(place);
            }
        }
        Self {
            hearers: hearers.into_iter().map(Arc::new).collect(),
            exact,
            wide,
            declared,
            templates,
            resolved: RwLock::default(),
            lines: AtomicUsize::new(0),
            slots: Slots::default(),
        }
    }

    /// Finds the route of a topic for signals of one type; the first type published on a new topic binds it.
    pub(crate) fn resolve(&self, topic: &str, kind: Kind) -> Result<Arc<Route>, Refusal> {
        if let Some(route) = self.known(topic) {
            route.check(kind)?;
            return Ok(route);
        }
        name::check_exact(topic).map_err(|error| invalid(topic, error))?;
        let route = self.add(topic, kind);
        route.check(kind)?;
        Ok(route)
    }

    /// The route of a publisher whose topic is the same each time, once it was found.
    pub(crate) fn of_publisher(&self, number: PublisherNumber) -> Option<&Route> {
        self.slots.get(number).map(|route| &**route)
    }

    /// Remembers the route of a publisher whose topic is the same each time.
    pub(crate) fn remember(&self, number: PublisherNumber, route: &Arc<Route>) {
        self.slots.set(number, route);
    }

    /// Finds the route of one of the bus's own topics.
    pub(crate) fn reserved(&self, topic: &str, kind: Kind) -> Arc<Route> {
        self.known(topic).unwrap_or_else(|| self.add(topic, kind))
    }

    /// Whether the attributes alone say that somebody hears one of the bus's own topics.
    pub(crate) fn is_heard(&self, topic: &str) -> bool {
        self.hearers
            .iter()
            .any(|hearer| hearer.hears(topic).is_some())
    }

    fn known(&self, topic: &str) -> Option<Arc<Route>> {
        let resolved = self.resolved.read().unwrap_or_else(PoisonError::into_inner);
        resolved.get(topic).cloned()
    }

    fn add(&self, topic: &str, kind: Kind) -> Arc<Route> {
        let mut resolved = self
            .resolved
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = resolved.get(topic) {
            return Arc::clone(route);
        }
        if DYNAMIC_TOPICS_MAX <= resolved.len() {
            resolved.retain(|topic, _| self.declared.contains_key(&**topic));
        }
        let (route, mismatched) = self.route(topic, kind);
        let route = Arc::new(route);
        resolved.insert(Arc::clone(&route.topic), Arc::clone(&route));
        // A log may publish in turn, so it is told without the lock.
        drop(resolved);
        for hearer in mismatched {
            hearer.tell_mismatch(topic, route.carries);
        }
        route
    }

    fn route(&self, topic: &str, published: Kind) -> (Route, Vec<&Hearer>) {
        let template = || {
            self.templates
                .iter()
                .find(|(pattern, _)| pattern.matches(topic))
        };
        let bound = self.declared.get(topic).copied();
        let carries = bound
            .or_else(|| template().map(|(_, kind)| *kind))
            .unwrap_or(published);
        let mut heard = Vec::new();
        let mut mismatched = Vec::new();
        let mut places = self.wide.clone();
        places.extend(self.exact.get(topic).into_iter().flatten());
        // A hearer may name one topic twice.
        places.sort_unstable();
        places.dedup();
        for index in places {
            let hearer = &self.hearers[index];
            let Some(pattern) = hearer.hears(topic) else {
                continue;
            };
            if hearer.kind.is_none_or(|kind| kind == carries) {
                heard.push((pattern.specificity(), index));
            } else {
                mismatched.push(&**hearer);
            }
        }
        heard.sort_unstable();
        let hearers: Vec<_> = heard
            .into_iter()
            .map(|(_, index)| Arc::clone(&self.hearers[index]))
            .collect();
        let route = Route {
            topic: topic.into(),
            line: self.lines.fetch_add(1, Ordering::Relaxed),
            carries,
            targets: hearers
                .iter()
                .map(|hearer| Target {
                    queue: hearer.queue,
                    key: 0,
                })
                .collect(),
            selective: hearers
                .iter()
                .any(|hearer| hearer.filter.is_some() || hearer.key.is_some()),
            hearers,
            mismatched: mismatched.len() as u64,
        };
        (route, mismatched)
    }
}

impl Hearer {
    fn tell_mismatch(&self, topic: &str, carries: Kind) {
        if !self.mismatch_told.swap(true, Ordering::Relaxed) {
            let (patterns, wants) = (&self.patterns, self.kind.map(|kind| kind.name));
            tracing::warn!(
                topic,
                carries = carries.name,
                ?patterns,
                wants,
                "a typed subscription skips a topic of another type"
            );
        }
    }
}

pub(crate) fn invalid(topic: &str, error: InvalidTopic) -> Refusal {
    Refusal::InvalidTopic {
        topic: topic.into(),
        error,
    }
}
