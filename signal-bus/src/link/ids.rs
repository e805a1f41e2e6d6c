//! What signals are called among all processes.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use crate::{
    signal::{headers::Headers, id::SignalId, label::Origin},
    transport::{header, message},
};

/// Signals whose names are remembered: the newest. They matter as long as their handlers publish.
const REMEMBERED_MAX: usize = 8192;

/// Bytes of headers that are kept as they are.
const KEPT_WHOLE_MAX: usize = 1024;

/// Names that are remembered of signals that came or left: the newest. They matter as long as one may come over a bridge, too.
const SEEN_MAX: usize = 16_384;

/// The names of signals that travel, or have.
#[derive(Default, Debug)]
pub(super) struct Ids {
    last: AtomicU64,
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
struct Known(Vec<Option<Name>>);

#[derive(Debug)]
struct Name {
    of: SignalId,
    headers: Headers,
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
    pub(super) fn next(&self, node: &str, time: SystemTime) -> String {
        message::id(node, time, self.last.fetch_add(1, Ordering::Relaxed))
    }

    /// Remembers the name of a signal, and of the first of all that led to it, if its headers say them.
    pub(super) fn remember(&self, id: SignalId, headers: &Headers) {
        if headers.get(header::ID).is_some_and(is_short) {
            let headers = slim(headers);
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.set(Name { of: id, headers });
        }
    }

    /// From now on what is published elsewhere may come over a bridge, too.
    pub(super) fn expect_doubles(&self) {
        self.doubles.store(true, Ordering::SeqCst);
    }

    /// Whether a name is seen for the first time, as far as that matters.
    pub(super) fn is_new(&self, name: &str) -> bool {
        if !self.doubles.load(Ordering::SeqCst) {
            return true;
        }
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
        let name = known.get(id).and_then(|name| name.headers.get(header::ID));
        name.map_or_else(|| local(id, node), str::to_owned)
    }

    /// The name of the first of all that led to a signal.
    pub(super) fn root_of(&self, origin: Origin, node: &str) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let by_parent = known.get(origin.parent);
        let name = by_parent.or_else(|| known.get(origin.root));
        let name = name.and_then(|name| {
            let root = name.headers.get(header::ROOT);
            root.or_else(|| name.headers.get(header::ID))
        });
        name.map_or_else(|| local(origin.root, node), str::to_owned)
    }
}

/// What is kept of headers: of large ones only the names.
fn slim(headers: &Headers) -> Headers {
    let size = |(name, text): (&str, &str)| name.len() + text.len();
    if headers.iter().map(size).sum::<usize>() <= KEPT_WHOLE_MAX {
        return headers.clone();
    }
    let names = [header::ID, header::ROOT];
    let names = names
        .into_iter()
        .filter_map(|name| Some((name, headers.get(name)?)));
    names.filter(|(_, text)| is_short(text)).collect()
}

/// Whether others gave a name that is worth its memory.
fn is_short(name: &str) -> bool {
    name.len() <= KEPT_WHOLE_MAX
}

fn local(id: SignalId, node: &str) -> String {
    format!("{node}/{}", id.number())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::{Ids, KEPT_WHOLE_MAX, REMEMBERED_MAX};
    use crate::{
        signal::{headers::Headers, id::SignalId, label::Origin},
        transport::header,
    };

    fn named(own: &str, root: &str) -> Headers {
        Headers::new()
            .with(header::ID, own)
            .with(header::ROOT, root)
    }

    #[test]
    fn no_two_signals_have_one_name() {
        let ids = Ids::default();
        let time = SystemTime::now();
        assert_ne!(ids.next("n", time), ids.next("n", time));
    }

    #[test]
    fn a_name_leads_to_the_first_of_all() {
        let ids = Ids::default();
        let (first, second) = (SignalId::numbered(7), SignalId::numbered(8));
        ids.remember(first, &named("far-1", "far-0"));
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
        (2..more).for_each(|id| ids.remember(SignalId::numbered(id), &named("far", "far")));
        assert_eq!(ids.known.lock().unwrap().0.len(), REMEMBERED_MAX);
        assert_eq!(ids.of(SignalId::numbered(2), "n"), "n/2");
    }

    #[test]
    fn of_large_headers_only_the_names_are_kept() {
        let ids = Ids::default();
        let large = named("far-1", "far-0").with("large", "x".repeat(KEPT_WHOLE_MAX));
        let (second, third) = (SignalId::numbered(2), SignalId::numbered(3));
        ids.remember(second, &large);
        ids.remember(third, &named(&"x".repeat(KEPT_WHOLE_MAX + 1), "far-0"));
        let known = ids.known.lock().unwrap();
        assert_eq!(known.get(second).unwrap().headers, named("far-1", "far-0"));
        assert!(known.get(third).is_none());
    }

    #[test]
    fn a_name_is_new_once_where_doubles_may_come() {
        let ids = Ids::default();
        assert!(ids.is_new("a") && ids.is_new("a"), "nobody would look");
        ids.expect_doubles();
        assert!(ids.is_new("a") && !ids.is_new("a") && ids.is_new("b"));
    }
}
