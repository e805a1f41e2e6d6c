//! What signals are called among all processes.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use crate::{
    clock::Tick,
    signal::{
        id::SignalId,
        label::Origin,
        name::{Name, Remembers},
        plain::{Given, Node},
    },
    transport::message,
};

/// Signals whose names are remembered: the newest. They matter as long as their handlers publish.
const REMEMBERED_MAX: usize = 8192;

/// Names of others that are longer are not worth their memory.
const LENGTH_MAX: usize = 1024;

/// Names that are remembered of signals that came or left: the newest. They matter as long as one may come over a bridge, too.
const SEEN_MAX: usize = 16_384;

/// The names of signals that travel, or have.
#[derive(Default, Debug)]
pub(super) struct Ids {
    last: AtomicU64,
    /// The tick of the clock in which a name was given last, and its time.
    tick: AtomicI64,
    time: AtomicU64,
    known: Mutex<Known>,
    /// Whether what is published elsewhere may come over a bridge, too.
    doubles: AtomicBool,
    /// The names of those that came or left lately, so that none comes over a bridge as well.
    seen: Mutex<Seen>,
}

#[derive(Default, Debug)]
struct Seen {
    names: HashSet<Arc<str>>,
    order: VecDeque<Arc<str>>,
}

/// A place for each of the newest: an id has always the same.
#[derive(Default, Debug)]
struct Known {
    /// Those of which there is no more to say.
    given: Vec<Option<(SignalId, Given)>>,
    others: Vec<Option<(SignalId, Names)>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Names {
    own: Name,
    root: Option<Name>,
}

impl Known {
    fn place(id: SignalId) -> usize {
        usize::try_from(id.number()).map_or(0, |number| number % REMEMBERED_MAX)
    }

    fn get(&self, id: SignalId) -> Option<Names> {
        let place = Self::place(id);
        if let Some(Some((of, given))) = self.given.get(place) {
            if *of == id {
                let own = Name::Given(*given);
                return Some(Names { own, root: None });
            }
        }
        let (of, names) = self.others.get(place)?.as_ref()?;
        (*of == id).then(|| names.clone())
    }
}

fn set<N>(all: &mut Vec<Option<(SignalId, N)>>, id: SignalId, names: N) {
    let place = Known::place(id);
    if all.len() <= place {
        all.resize_with(place + 1, || None);
    }
    all[place] = Some((id, names));
}

impl Ids {
    /// A name that no other signal has.
    pub(super) fn next(&self, node: Node) -> Given {
        Given {
            node,
            time: self.time(),
            number: self.last.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The microseconds since 1970. A look at the clock costs as much as some locks: where others were named since its last tick, that is
    /// their time.
    fn time(&self) -> u64 {
        let tick = Tick::last().nanoseconds();
        if self.tick.load(Ordering::Acquire) == tick {
            return self.time.load(Ordering::Relaxed);
        }
        let time = message::microseconds(SystemTime::now());
        self.time.store(time, Ordering::Relaxed);
        self.tick.store(tick, Ordering::Release);
        time
    }

    /// From now on what is published elsewhere may come over a bridge, too.
    pub(super) fn expect_doubles(&self) {
        self.doubles.store(true, Ordering::SeqCst);
    }

    /// Whether a name is seen for the first time, as far as that matters.
    pub(super) fn is_new<'a>(&self, name: impl FnOnce() -> Option<&'a str>) -> bool {
        if !self.doubles.load(Ordering::SeqCst) {
            return true;
        }
        let Some(name) = name() else {
            return true;
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.names.contains(name) {
            return false;
        }
        let name: Arc<str> = name.into();
        seen.names.insert(Arc::clone(&name));
        seen.order.push_back(name);
        if SEEN_MAX < seen.order.len() {
            let oldest = seen.order.pop_front();
            oldest.map(|oldest| seen.names.remove(&oldest));
        }
        true
    }

    /// The name of a signal; one that has not travelled has the number that it has in its bus.
    pub(super) fn of(&self, id: SignalId, node: &str) -> Name {
        let known = self.lock();
        let name = known.get(id).map(|names| names.own);
        name.unwrap_or_else(|| local(id, node))
    }

    /// The name of the first of all that led to a signal.
    pub(super) fn root_of(&self, origin: Origin, node: &str) -> Name {
        let known = self.lock();
        let by_parent = known.get(origin.parent);
        let names = by_parent.or_else(|| known.get(origin.root));
        let name = names.map(|names| names.root.unwrap_or(names.own));
        name.unwrap_or_else(|| local(origin.root, node))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembers for Ids {
    fn remember(&self, id: SignalId, own: &Name, root: Option<&Name>) {
        let (own, root) = (own.clone(), root.cloned());
        set(&mut self.lock().others, id, Names { own, root });
    }

    fn remember_given(&self, id: SignalId, given: &Given) {
        set(&mut self.lock().given, id, *given);
    }
}

/// A name as headers have it, if it is worth its memory.
pub(super) fn name(id: &str) -> Option<Name> {
    if let Some(given) = Given::read(id) {
        return Some(Name::Given(given));
    }
    (id.len() <= LENGTH_MAX).then(|| Name::Other(id.into()))
}

fn local(id: SignalId, node: &str) -> Name {
    Name::Other(format!("{node}/{}", id.number()).into())
}

#[cfg(test)]
mod tests {
    use super::{Ids, LENGTH_MAX, REMEMBERED_MAX, name};
    use crate::signal::{
        id::SignalId,
        label::Origin,
        name::{Name, Remembers as _},
        plain::Node,
    };

    fn other(name: &str) -> Name {
        Name::Other(name.into())
    }

    #[test]
    fn no_two_signals_have_one_name() {
        let ids = Ids::default();
        let node = Node::new();
        assert_ne!(ids.next(node), ids.next(node));
    }

    #[test]
    fn a_name_leads_to_the_first_of_all() {
        let ids = Ids::default();
        let (first, second) = (SignalId::numbered(7), SignalId::numbered(8));
        ids.remember(first, &other("far-1"), Some(&other("far-0")));
        let origin = Origin {
            parent: first,
            root: first,
        };
        assert_eq!(
            (ids.of(first, "n"), ids.root_of(origin, "n")),
            (other("far-1"), other("far-0"))
        );
        let through = Origin {
            parent: second,
            root: first,
        };
        assert_eq!(
            (ids.of(second, "n"), ids.root_of(through, "n")),
            (other("n/8"), other("far-0"))
        );
        ids.remember(second, &other("far-2"), None);
        assert_eq!(ids.root_of(through, "n"), other("far-2"));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let ids = Ids::default();
        let more = 2 * REMEMBERED_MAX as u64;
        (2..more).for_each(|id| ids.remember(SignalId::numbered(id), &other("far"), None));
        assert_eq!(ids.known.lock().unwrap().others.len(), REMEMBERED_MAX);
        assert_eq!(ids.of(SignalId::numbered(2), "n"), other("n/2"));
        let given = ids.next(Node::new());
        (2..more).for_each(|id| ids.remember_given(SignalId::numbered(id), &given));
        assert_eq!(ids.known.lock().unwrap().given.len(), REMEMBERED_MAX);
        assert_eq!(ids.of(SignalId::numbered(2), "n"), other("n/2"));
        assert_eq!(
            ids.of(SignalId::numbered(more - 1), "n"),
            Name::Given(given)
        );
    }

    #[test]
    fn a_name_is_written_as_it_was_read() {
        let node = Node::new();
        let node = node.as_str();
        for text in [
            &format!("{node}-1700000000000000-7"),
            &format!("{node}-0-0"),
            &format!("{node}-01-7"),
            "order 7",
            "",
        ] {
            let name = name(text).unwrap();
            assert_eq!(name.to_string(), text);
        }
        assert_eq!(name(&"x".repeat(LENGTH_MAX + 1)), None);
    }

    #[test]
    fn a_name_is_new_once_where_doubles_may_come() {
        let ids = Ids::default();
        let is_new = |name| ids.is_new(|| Some(name));
        assert!(is_new("a") && is_new("a"), "nobody would look");
        ids.expect_doubles();
        assert!(is_new("a") && !is_new("a") && is_new("b"));
        assert!(ids.is_new(|| None) && ids.is_new(|| None), "it has no name");
    }
}
