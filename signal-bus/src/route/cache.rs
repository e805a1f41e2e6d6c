//! Topics that were published on: those that attributes name for good, others as long as they are in use.

use std::{any::TypeId, collections::HashMap, sync::Arc};

use crate::{
    route::{table::Table, topic::Route},
    signal::Kind,
    topic::{Traits, named::Named},
};

/// How many topics are remembered that no attribute names.
const OTHERS_MAX: usize = 65_536;
/// How many of those are looked at, at most, to find one that can be forgotten.
const LOOKS_MAX: usize = 64;

/// Routes by name.
///
/// Topics that no attribute names are remembered up to a number. A further one takes the place of one that was not asked for since a
/// hand has last come by, which goes around all of them as that of a clock does ("second chance": Corbató, "A Paging Experiment with
/// the Multics System", 1968). So the memory is bounded, what is in use stays, unless nearly all are, and no publish pays for many, but
/// for those few until then for which a table doubles: less than half a millisecond for 32,768.
#[derive(Default, Debug)]
pub(crate) struct Cache {
    fixed: Table,
    others: Table,
    /// Where in the row of the others the hand is.
    hand: usize,
    broadcasts: HashMap<TypeId, Arc<Route>>,
    /// What was said to be special about topics, which holds also when a topic is forgotten.
    marked: HashMap<Box<str>, Traits>,
    /// How many topics carry each type.
    kinds: HashMap<TypeId, usize>,
}

impl Cache {
    /// The route of a topic that is asked for, which is kept for longer.
    pub(crate) fn get(&self, topic: Named<'_>) -> Option<&Arc<Route>> {
        self.fixed.get(topic).or_else(|| {
            let route = self.others.get(topic)?;
            route.keep();
            Some(route)
        })
    }

    /// Puts a route in, unless there is one; returns the one that is there, and those that had to go.
    ///
    /// `hash` is that of its name.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        route: Arc<Route>,
        fixed: bool,
    ) -> (Arc<Route>, Forgotten) {
        let name = &*route.about.topic;
        if let Some(there) = self.get(Named { hash, name }) {
            return (Arc::clone(there), Forgotten::default());
        }
        if let Some(traits) = self.marked.get(&*route.about.topic) {
            route.mark(*traits);
        }
        *self.kinds.entry(route.about.carries.id).or_default() += 1;
        if fixed {
            self.fixed.push(hash, Arc::clone(&route));
            return (route, Forgotten::default());
        }
        let forgotten = self.take_in(hash, Arc::clone(&route));
        (route, forgotten)
    }

    /// Puts a route among the others, in the place of one that is forgotten if there are enough.
    fn take_in(&mut self, hash: u64, route: Arc<Route>) -> Forgotten {
        // Once all that were looked at were needed.
        let too_many = OTHERS_MAX < self.others.len();
        let spare = too_many.then(|| self.next_unused()).flatten();
        let spare = spare.map(|at| self.others.swap_remove(at));
        let enough = OTHERS_MAX <= self.others.len();
        // The hand has just been there: it comes by all the others first.
        let replaced = match enough.then(|| self.next_unused()).flatten() {
            Some(at) => Some(self.others.replace(at, hash, route)),
            None => {
                self.others.push(hash, route);
                None
            }
        };
        let forgotten = [spare, replaced];
        for route in forgotten.iter().flatten() {
            self.uncount(route.about.carries);
        }
        forgotten
    }

    /// Where the hand finds one that nobody has asked for since it was there, or at least one that nobody needs.
    fn next_unused(&mut self) -> Option<usize> {
        let mut spare = None;
        for _ in 0..LOOKS_MAX {
            let at = self.hand % self.others.len();
            self.hand = at + 1;
            let route = self.others.at(at);
            // Whoever waits with a signal of the topic stands in the line of this very route.
            let is_needed = 1 < Arc::strong_count(route);
            if is_needed {
                continue;
            }
            if route.lets_go() {
                return Some(at);
            }
            spare = Some(at);
        }
        spare
    }

    /// Remembers what is special about a topic; whether that is news for those who publish on it.
    pub(crate) fn mark(&mut self, topic: Named<'_>, traits: Traits) -> bool {
        let marked = self.marked.entry(topic.name.into()).or_default();
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

    /// The route of a topic, which is kept no longer for it.
    pub(crate) fn peek(&self, topic: Named<'_>) -> Option<&Arc<Route>> {
        self.fixed.get(topic).or_else(|| self.others.get(topic))
    }

    /// All routes: those of topics, and those of broadcasts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        let topics = self.fixed.iter().chain(self.others.iter());
        topics.chain(self.broadcasts.values())
    }

    pub(crate) fn len(&self) -> usize {
        self.fixed.len() + self.others.len()
    }
}

/// Routes that were taken out; to be dropped without the lock.
pub(crate) type Forgotten = [Option<Arc<Route>>; 2];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Cache, OTHERS_MAX};
    use crate::{route::topic::Route, signal::Kind, topic::named::Names};

    struct Tried {
        names: Names,
        cache: Cache,
    }

    impl Tried {
        fn new() -> Self {
            let (names, cache) = (Names::default(), Cache::default());
            Self { names, cache }
        }

        fn add(&mut self, topic: &str) -> Arc<Route> {
            self.add_of(topic, Kind::of::<u8>())
        }

        fn add_of(&mut self, topic: &str, kind: Kind) -> Arc<Route> {
            let route = Arc::new(Route::new(topic, 0, kind, None));
            let hash = self.names.named(topic).hash;
            self.cache.insert(hash, route, false).0
        }

        fn add_many(&mut self, count: usize) {
            for number in 0..count {
                self.add(&format!("many.{number}"));
            }
        }

        fn has(&self, topic: &str) -> bool {
            self.cache.peek(self.names.named(topic)).is_some()
        }
    }

    #[test]
    fn there_is_one_route_of_a_topic() {
        let mut tried = Tried::new();
        let (first, again) = (tried.add("a"), tried.add("a"));
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(tried.cache.len(), 1);
    }

    #[test]
    fn the_first_that_nobody_asks_for_again_is_forgotten_first() {
        let mut tried = Tried::new();
        drop([tried.add("first"), tried.add("second")]);
        tried.add_many(OTHERS_MAX - 2);
        assert!(tried.has("first") && tried.cache.len() == OTHERS_MAX);
        drop(tried.add("further"));
        assert!(!tried.has("first") && tried.has("second"));
        assert_eq!(tried.cache.len(), OTHERS_MAX);
    }

    #[test]
    fn the_newest_is_not_forgotten_for_the_next() {
        let mut tried = Tried::new();
        for number in 0..3 * OTHERS_MAX {
            drop(tried.add(&format!("once.{number}")));
            for before in [1, OTHERS_MAX - 1] {
                let other = format!("once.{}", number.saturating_sub(before));
                assert!(tried.has(&other), "{other} after {number}");
            }
        }
    }

    #[test]
    fn what_is_asked_for_now_and_then_stays() {
        let mut tried = Tried::new();
        drop(tried.add("used"));
        for number in 0..8 * OTHERS_MAX {
            drop(tried.add(&format!("once.{number}")));
            if number % (OTHERS_MAX / 2) == 0 {
                let used = tried.names.named("used");
                assert!(tried.cache.get(used).is_some(), "before {number}");
            }
        }
        assert_eq!(tried.cache.len(), OTHERS_MAX);
    }

    #[test]
    fn what_somebody_holds_stays_and_the_others_make_room_later() {
        let mut tried = Tried::new();
        let held: Vec<Arc<Route>> = (0..OTHERS_MAX)
            .map(|number| tried.add(&format!("held.{number}")))
            .collect();
        tried.add_many(100);
        assert!(held.iter().all(|route| tried.has(&route.about.topic)));
        assert_eq!(tried.cache.len(), OTHERS_MAX + 100);
        drop(held);
        for number in 0..3 * OTHERS_MAX {
            drop(tried.add(&format!("later.{number}")));
        }
        assert_eq!(tried.cache.len(), OTHERS_MAX);
    }

    #[test]
    fn where_all_were_asked_for_one_goes_all_the_same() {
        let mut tried = Tried::new();
        tried.add_many(OTHERS_MAX);
        for number in 0..OTHERS_MAX {
            let name = format!("many.{number}");
            assert!(tried.cache.get(tried.names.named(&name)).is_some());
        }
        drop(tried.add("further"));
        assert!(tried.has("further"));
        assert_eq!(tried.cache.len(), OTHERS_MAX);
    }

    #[test]
    fn types_are_counted_as_topics_come_and_go() {
        let mut tried = Tried::new();
        drop(tried.add_of("other", Kind::of::<u16>()));
        tried.add_many(10);
        assert!(!tried.cache.carries_only(Kind::of::<u8>()));
        tried.add_many(OTHERS_MAX);
        assert!(!tried.has("other") && tried.cache.carries_only(Kind::of::<u8>()));
    }
}
