//! All who hear anything, filed by their patterns.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    queue::{kept::Keeps, stores::QueueId},
    route::{
        hearer::{Hearer, Wish},
        topic::{Hearing, Route},
    },
    topic::{
        filed::Numbered,
        index::Index,
        pattern::{Pattern, Specificity},
    },
};

/// A subscription under one of its patterns.
#[derive(Debug)]
struct Filing(Specificity, Arc<Hearer>);

impl Numbered for Filing {
    fn number(&self) -> u64 {
        number(&self.1)
    }
}

/// Sorts those who take any type after those who take one.
fn number(hearer: &Hearer) -> u64 {
    const ANY: u64 = 1 << 63;
    match hearer.wish.kind {
        Some(_) => hearer.serial,
        None => hearer.serial | ANY,
    }
}

/// The subscriptions of a bus, as of one generation.
#[derive(Debug)]
pub(crate) struct Present {
    generation: u64,
    last_serial: u64,
    index: Index<Filing>,
    /// In the order of subscription.
    hearers: BTreeMap<u64, Arc<Hearer>>,
    /// By name, those who share no signals.
    groups: HashMap<Box<str>, Vec<Arc<Hearer>>>,
    /// Topics on which nobody may publish any more.
    closed: HashSet<Box<str>>,
}

impl Present {
    /// Nobody, as of this generation.
    pub(crate) fn new(generation: u64) -> Self {
        Self {
            generation,
            last_serial: 0,
            index: Index::default(),
            hearers: BTreeMap::new(),
            groups: HashMap::new(),
            closed: HashSet::new(),
        }
    }

    #[cfg(feature = "transport")]
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Goes on to a generation that has begun.
    pub(crate) fn go_on(&mut self, generation: u64) {
        self.generation = generation;
    }

    /// Files a subscription whose queue has joined.
    pub(crate) fn insert(&mut self, queue: QueueId, wish: Wish) -> Arc<Hearer> {
        self.last_serial += 1;
        let hearer = Arc::new(Hearer::new(queue, self.last_serial, wish));
        for pattern in hearer.patterns() {
            let filing = Filing(pattern.specificity(), Arc::clone(&hearer));
            self.index.insert(pattern, filing);
        }
        self.hearers.insert(hearer.serial, Arc::clone(&hearer));
        if let Some(group) = &hearer.wish.group {
            let named = self.groups.entry(group.clone()).or_default();
            named.push(Arc::clone(&hearer));
        }
        hearer
    }

    /// Takes a subscription out; whether it was in.
    pub(crate) fn remove(&mut self, hearer: &Hearer) -> bool {
        if self.hearers.remove(&hearer.serial).is_none() {
            return false;
        }
        for pattern in hearer.patterns() {
            self.index.remove(pattern, number(hearer));
        }
        if let Some(group) = &hearer.wish.group {
            if let Some(named) = self.groups.get_mut(group) {
                named.retain(|other| other.serial != hearer.serial);
                if named.is_empty() {
                    self.groups.remove(group);
                }
            }
        }
        true
    }

    /// The subscription that a further member of a group would share; groups whose signals never meet are not one.
    pub(crate) fn group(&self, wish: &Wish) -> Option<&Arc<Hearer>> {
        let named = self.groups.get(wish.group.as_ref()?)?;
        let terms = wish.terms();
        let mut open = named.iter().filter(|one| !self.hears_only_closed(one));
        open.find(|first| first.wish.terms().meets(&terms))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Hearer>> {
        self.hearers.values()
    }

    /// The subscription that has a queue.
    pub(crate) fn of_queue(&self, queue: QueueId) -> Option<&Arc<Hearer>> {
        self.hearers.values().find(|hearer| hearer.queue == queue)
    }

    /// How many subscribers there are to the pattern itself.
    pub(crate) fn count(&self, pattern: &Pattern) -> usize {
        let filed = self.index.filed(pattern);
        filed.map(|Filing(_, hearer)| hearer.members_count()).sum()
    }

    /// One of those who name a topic exactly and take one type of signals only; all of them take the same.
    pub(crate) fn binding(&self, topic: &str) -> Option<&Arc<Hearer>> {
        // Those who take any are filed after the others.
        let Filing(_, first) = self.index.named(topic).next()?;
        first.wish.kind.is_some().then_some(first)
    }

    pub(crate) fn close(&mut self, topic: &str) {
        self.closed.insert(topic.into());
    }

    pub(crate) fn is_closed(&self, topic: &str) -> bool {
        self.closed.contains(topic)
    }

    /// Whether nothing will be published any more of what a subscription hears.
    pub(crate) fn hears_only_closed(&self, hearer: &Hearer) -> bool {
        let mut patterns = hearer.patterns();
        !self.closed.is_empty()
            && patterns.all(|pattern| pattern.is_exact() && self.is_closed(pattern.as_str()))
    }

    /// Those who hear a topic: the most specific first, equals in the order of subscription.
    pub(crate) fn matching(&self, topic: &str) -> Vec<Arc<Hearer>> {
        let mut found = Vec::new();
        self.index.matching(topic, |Filing(specificity, hearer)| {
            found.push((*specificity, hearer));
        });
        // A subscription may hear a topic by several of its patterns.
        found.sort_unstable_by_key(|(specificity, hearer)| (hearer.serial, *specificity));
        found.dedup_by_key(|(_, hearer)| hearer.serial);
        found.sort_unstable_by_key(|(specificity, hearer)| (*specificity, hearer.serial));
        found
            .into_iter()
            .map(|(_, hearer)| Arc::clone(hearer))
            .collect()
    }

    /// Who hears a route; and those who would, if it carried their type.
    pub(crate) fn hearing(&self, route: &Route, keeps: Keeps) -> (Hearing, Vec<Arc<Hearer>>) {
        let carries = route.about.carries;
        if route.about.topic.is_empty() {
            let hearers = self
                .all()
                .filter(|one| one.takes(carries) && !one.is_reserved());
            let hearers = hearers.cloned().collect();
            return (
                Hearing::new(self.generation, hearers, Keeps::default()),
                Vec::new(),
            );
        }
        let hearers = self.matching(&route.about.topic).into_iter();
        let (hearers, mismatched): (_, Vec<_>) = hearers.partition(|one| one.takes(carries));
        let mut hearing = Hearing::new(self.generation, hearers, keeps);
        hearing.travel(route.travels);
        hearing.mismatched = mismatched.len() as u64;
        hearing.closed = !self.closed.is_empty() && self.is_closed(&route.about.topic);
        (hearing, mismatched)
    }
}
