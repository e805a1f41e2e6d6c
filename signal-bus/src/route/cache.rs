//! Topics that were published on: those that attributes name for good, others as long as they are in use.

use std::{
    any::TypeId,
    borrow::Borrow,
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{route::topic::Route, signal::Kind, topic::Traits};

/// How many topics a generation of the others has. There are two: the young, and the one before it.
const GENERATION_MAX: usize = 32_768;

/// Routes by name.
///
/// Topics that no attribute names are remembered in two generations. When the young one is full the old one goes, but for
/// what somebody waits with; what is found in the old one moves to the young one. So the memory is bounded, and what is in
/// use stays.
#[derive(Default, Debug)]
pub(crate) struct Cache {
    fixed: HashSet<ByName>,
    young: HashSet<ByName>,
    old: HashSet<ByName>,
    broadcasts: HashMap<TypeId, Arc<Route>>,
    /// What was said to be special about topics, which holds also when a topic is forgotten.
    marked: HashMap<Box<str>, Traits>,
    /// How many topics carry each type.
    kinds: HashMap<TypeId, usize>,
}

/// What a look-up has found.
pub(crate) enum Found {
    Route(Arc<Route>),
    /// It is there, but has to be moved to be kept.
    Aging,
    Nothing,
}

impl Cache {
    pub(crate) fn get(&self, topic: &str) -> Found {
        match self.fixed.get(topic).or_else(|| self.young.get(topic)) {
            Some(ByName(route)) => Found::Route(Arc::clone(route)),
            None if self.old.contains(topic) => Found::Aging,
            None => Found::Nothing,
        }
    }

    /// Moves a topic of the old generation to the young one.
    pub(crate) fn renew(&mut self, topic: &str) -> Option<Arc<Route>> {
        if let Some(ByName(route)) = self.old.take(topic) {
            self.add_young(Arc::clone(&route));
            return Some(route);
        }
        match self.get(topic) {
            Found::Route(route) => Some(route),
            Found::Aging | Found::Nothing => None,
        }
    }

    /// Puts a route in, unless there is one; returns the one that is there, and those that had to go.
    pub(crate) fn insert(&mut self, route: Arc<Route>, fixed: bool) -> (Arc<Route>, Forgotten) {
        if let Some(there) = self.renew(&route.about.topic) {
            return (there, Forgotten::default());
        }
        if let Some(traits) = self.marked.get(&*route.about.topic) {
            route.mark(*traits);
        }
        *self.kinds.entry(route.about.carries.id).or_default() += 1;
        if fixed {
            self.fixed.insert(ByName(Arc::clone(&route)));
            return (route, Forgotten::default());
        }
        let forgotten = self.add_young(Arc::clone(&route));
        (route, forgotten)
    }

    #[expect(
        clippy::mutable_key_type,
        reason = "the name of a route, which alone is compared and hashed, never changes"
    )]
    fn add_young(&mut self, route: Arc<Route>) -> Forgotten {
        let mut forgotten = Forgotten::default();
        if GENERATION_MAX <= self.young.len() {
            let old = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            // Whoever waits with a signal of the topic stands in the line of this very route.
            let (used, unused): (Vec<_>, _) = old
                .into_iter()
                .partition(|one| 1 < Arc::strong_count(&one.0));
            self.young.extend(used);
            for one in &unused {
                self.uncount(one.0.about.carries);
            }
            forgotten.0 = unused;
        }
        self.young.insert(ByName(route));
        forgotten
    }

    /// Remembers what is special about a topic; whether that is news for those who publish on it.
    pub(crate) fn mark(&mut self, topic: &str, traits: Traits) -> bool {
        let marked = self.marked.entry(topic.into()).or_default();
        let sticks = traits.sticky && !marked.sticky;
        let stays = traits.local && !marked.local;
        marked.sticky |= traits.sticky;
        marked.local |= traits.local;
        let traits = *marked;
        let Some(route) = self.peek(topic) else {
            return sticks;
        };
        route.mark(traits);
        // Nobody has a way to a topic that was not published on, and new topics come all the time.
        sticks || (stays && route.was_found())
    }

    fn uncount(&mut self, kind: Kind) {
        if let Some(count) = self.kinds.get_mut(&kind.id) {
            *count -= 1;
            if *count == 0 {
                self.kinds.remove(&kind.id);
            }
        }
    }

    /// Whether no topic carries anything else.
    pub(crate) fn carries_only(&self, kind: Kind) -> bool {
        self.kinds.keys().all(|id| *id == kind.id)
    }

    pub(crate) fn broadcast(&self, kind: Kind) -> Option<Arc<Route>> {
        self.broadcasts.get(&kind.id).cloned()
    }

    pub(crate) fn insert_broadcast(&mut self, kind: Kind, route: Arc<Route>) -> Arc<Route> {
        Arc::clone(self.broadcasts.entry(kind.id).or_insert(route))
    }

    /// The route of a topic, which is none the younger for it.
    pub(crate) fn peek(&self, topic: &str) -> Option<&Arc<Route>> {
        let all = [&self.fixed, &self.young, &self.old];
        let found = all.into_iter().find_map(|routes| routes.get(topic));
        found.map(|ByName(route)| route)
    }

    /// All routes: those of topics, and those of broadcasts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        let all = [&self.fixed, &self.young, &self.old];
        let topics = all.into_iter().flatten().map(|ByName(route)| route);
        topics.chain(self.broadcasts.values())
    }

    pub(crate) fn len(&self) -> usize {
        self.fixed.len() + self.young.len() + self.old.len()
    }
}

/// Routes that were taken out; to be dropped without the lock.
#[derive(Default, Debug)]
pub(crate) struct Forgotten(Vec<ByName>);

/// A route that is found by its name.
#[derive(Debug)]
struct ByName(Arc<Route>);

impl Borrow<str> for ByName {
    fn borrow(&self) -> &str {
        &self.0.about.topic
    }
}

impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.about.topic.hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.about.topic == other.0.about.topic
    }
}

impl Eq for ByName {}
