//! What signals are called among all processes.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::signal::{id::SignalId, label::Origin};

/// Signals whose names are remembered: the newest. They matter as long as their handlers publish.
const REMEMBERED_MAX: usize = 8192;

/// Names that are remembered of signals that came or left: the newest. They matter as long as one may come over a bridge, too.
const SEEN_MAX: usize = 16_384;

/// The names of signals that travel, or have.
#[derive(Default, Debug)]
pub(super) struct Ids {
    last: AtomicU64,
    known: Mutex<Known>,
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
struct Known(Vec<Option<Name>>);

#[derive(Debug)]
struct Name {
    of: SignalId,
    own: Arc<str>,
    root: Arc<str>,
}

impl Known {
    fn place(id: SignalId) -> usize {
        usize::try_from(id.number()).map_or(0, |number| number % REMEMBERED_MAX)
    }

    fn get(&self, id: SignalId) -> Option<&Name> {
        let name = self.0.get(Self::place(id))?.as_ref();
        name.filter(|name| name.of == id)
    }

    fn set(&mut self, name: Name) {
        let place = Self::place(name.of);
        if self.0.len() <= place {
            self.0.resize_with(place + 1, || None);
        }
        self.0[place] = Some(name);
    }
}

impl Ids {
    /// A name that no other signal has.
    pub(super) fn next(&self, node: &str) -> String {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        format!("{node}-{number}")
    }

    /// Remembers the name of a signal, and of the first of all that led to it.
    pub(super) fn remember(&self, id: SignalId, own: Arc<str>, root: Arc<str>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.set(Name { of: id, own, root });
    }

    /// Whether a name is seen for the first time.
    pub(super) fn is_new(&self, name: &str) -> bool {
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
    pub(super) fn of(&self, id: SignalId, node: &str) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let name = known.get(id).map(|name| (*name.own).to_owned());
        name.unwrap_or_else(|| local(id, node))
    }

    /// The name of the first of all that led to a signal.
    pub(super) fn root_of(&self, origin: Origin, node: &str) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let by_parent = known.get(origin.parent);
        let name = by_parent.or_else(|| known.get(origin.root));
        let name = name.map(|name| (*name.root).to_owned());
        name.unwrap_or_else(|| local(origin.root, node))
    }
}

fn local(id: SignalId, node: &str) -> String {
    format!("{node}/{}", id.number())
}

#[cfg(test)]
mod tests {
    use super::{Ids, REMEMBERED_MAX};
    use crate::signal::{id::SignalId, label::Origin};

    #[test]
    fn no_two_signals_have_one_name() {
        let ids = Ids::default();
        assert_ne!(ids.next("n"), ids.next("n"));
    }

    #[test]
    fn a_name_leads_to_the_first_of_all() {
        let ids = Ids::default();
        let (first, second) = (SignalId::numbered(7), SignalId::numbered(8));
        ids.remember(first, "far-1".into(), "far-0".into());
        let origin = Origin {
            parent: first,
            root: first,
        };
        assert_eq!(
            (ids.of(first, "n"), ids.root_of(origin, "n")),
            ("far-1".into(), "far-0".into())
        );
        let through = Origin {
            parent: second,
            root: first,
        };
        assert_eq!(
            (ids.of(second, "n"), ids.root_of(through, "n")),
            ("n/8".into(), "far-0".into())
        );
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let ids = Ids::default();
        let more = 2 * REMEMBERED_MAX as u64;
        (2..more).for_each(|id| ids.remember(SignalId::numbered(id), "far".into(), "far".into()));
        assert_eq!(ids.known.lock().unwrap().0.len(), REMEMBERED_MAX);
        assert_eq!(ids.of(SignalId::numbered(2), "n"), "n/2");
    }
}
