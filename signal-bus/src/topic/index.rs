//! Patterns by their tokens, so that a topic finds those that hear it without looking at all.

use std::collections::HashMap;

use crate::topic::{
    filed::{Filed, Numbered},
    name::{self, RESERVED},
    pattern::Pattern,
};

/// A set of values, each filed under a pattern.
///
/// Exact names are found by one look-up. The others form a tree of tokens, of which a topic visits at most two branches at
/// each token: its own name and `*`.
#[derive(Debug)]
pub(crate) struct Index<V> {
    exact: HashMap<Box<str>, Filed<V>>,
    wide: Node<V>,
}

/// A token of the tree. There may be a hundred thousand, so what few have is behind a pointer.
#[derive(Debug)]
struct Node<V> {
    #[expect(
        clippy::box_collection,
        reason = "most have none, and pay for a pointer"
    )]
    named: Option<Box<HashMap<Box<str>, Box<Self>>>>,
    /// Below `*`.
    any: Option<Box<Self>>,
    /// Patterns that end here.
    here: Filed<V>,
    tails: Option<Box<Tails<V>>>,
}

/// Patterns that hear everything from a token on.
#[derive(Debug)]
struct Tails<V> {
    /// Those that end in `>`.
    more: Filed<V>,
    /// Those that end in `**`.
    all: Filed<V>,
}

impl<V> Default for Index<V> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            wide: Node::default(),
        }
    }
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self {
            named: None,
            any: None,
            here: Filed::default(),
            tails: None,
        }
    }
}

impl<V> Default for Tails<V> {
    fn default() -> Self {
        Self {
            more: Filed::default(),
            all: Filed::default(),
        }
    }
}

impl<V: Numbered> Index<V> {
    pub(crate) fn insert(&mut self, pattern: &Pattern, value: V) {
        if pattern.is_exact() {
            let name = pattern.as_str();
            match self.exact.get_mut(name) {
                Some(values) => values.insert(value),
                None => self.exact.entry(name.into()).or_default().insert(value),
            }
        } else {
            self.wide.insert(pattern.as_str().split('.'), value);
        }
    }

    /// Takes out the value of a number under `pattern`; branches that carry nothing any more go as well.
    pub(crate) fn remove(&mut self, pattern: &Pattern, number: u64) {
        if !pattern.is_exact() {
            self.wide.remove(pattern.as_str().split('.'), number);
        } else if let Some(values) = self.exact.get_mut(pattern.as_str()) {
            values.remove(number);
            if values.is_empty() {
                self.exact.remove(pattern.as_str());
            }
            if self.exact.len() < self.exact.capacity() / 4 {
                self.exact.shrink_to(self.exact.len() * 2);
            }
        }
    }

    /// Calls `found` with each value filed under a pattern that hears `topic`.
    pub(crate) fn matching<'a>(&'a self, topic: &str, mut found: impl FnMut(&'a V)) {
        self.named(topic).for_each(&mut found);
        self.wide
            .matching(Some(topic), name::is_reserved(topic), &mut found);
    }

    /// The values filed under `pattern` itself.
    pub(crate) fn filed(&self, pattern: &Pattern) -> impl Iterator<Item = &V> {
        let filed = match pattern.is_exact() {
            true => self.exact.get(pattern.as_str()),
            false => self.wide.filed(pattern.as_str().split('.')),
        };
        filed.into_iter().flat_map(Filed::iter)
    }

    /// The values filed under the name of a topic.
    pub(crate) fn named(&self, topic: &str) -> impl Iterator<Item = &V> {
        self.exact.get(topic).into_iter().flat_map(Filed::iter)
    }

    /// Whether nothing is filed.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wide.is_empty()
    }
}

impl<V: Numbered> Node<V> {
    fn insert<'t>(&mut self, mut tokens: impl Iterator<Item = &'t str>, value: V) {
        match tokens.next() {
            None => self.here.insert(value),
            Some(">") => self.tails.get_or_insert_default().more.insert(value),
            Some("**") => self.tails.get_or_insert_default().all.insert(value),
            Some("*") => self.any.get_or_insert_default().insert(tokens, value),
            Some(name) => {
                let named = self.named.get_or_insert_default();
                match named.get_mut(name) {
                    Some(node) => node.insert(tokens, value),
                    None => named.entry(name.into()).or_default().insert(tokens, value),
                }
            }
        }
    }

    fn remove<'t>(&mut self, mut tokens: impl Iterator<Item = &'t str>, number: u64) {
        match tokens.next() {
            None => self.here.remove(number),
            Some(tail @ (">" | "**")) => {
                let Some(tails) = &mut self.tails else { return };
                match tail {
                    ">" => tails.more.remove(number),
                    _ => tails.all.remove(number),
                }
                if tails.more.is_empty() && tails.all.is_empty() {
                    self.tails = None;
                }
            }
            Some("*") => {
                let Some(node) = &mut self.any else { return };
                node.remove(tokens, number);
                if node.is_empty() {
                    self.any = None;
                }
            }
            Some(name) => {
                let Some(named) = &mut self.named else { return };
                let Some(node) = named.get_mut(name) else {
                    return;
                };
                node.remove(tokens, number);
                if node.is_empty() {
                    named.remove(name);
                }
                if named.is_empty() {
                    self.named = None;
                } else if named.len() < named.capacity() / 4 {
                    // What has come in thousands may go in thousands.
                    named.shrink_to(named.len() * 2);
                }
            }
        }
    }

    fn filed<'t>(&self, mut tokens: impl Iterator<Item = &'t str>) -> Option<&Filed<V>> {
        match tokens.next() {
            None => Some(&self.here),
            Some(">") => Some(&self.tails.as_ref()?.more),
            Some("**") => Some(&self.tails.as_ref()?.all),
            Some("*") => self.any.as_ref()?.filed(tokens),
            Some(name) => self.named.as_ref()?.get(name)?.filed(tokens),
        }
    }

    /// `rest` is what is left of the topic; `closed` while only patterns that name `$bus` may go on.
    fn matching<'a>(&'a self, rest: Option<&str>, closed: bool, found: &mut impl FnMut(&'a V)) {
        let tails = self.tails.as_ref().filter(|_| !closed);
        if let Some(tails) = tails {
            tails.all.iter().for_each(&mut *found);
        }
        let Some(rest) = rest else {
            self.here.iter().for_each(found);
            return;
        };
        if let Some(tails) = tails {
            tails.more.iter().for_each(&mut *found);
        }
        let (token, rest) = match rest.split_once('.') {
            Some((token, rest)) => (token, Some(rest)),
            None => (rest, None),
        };
        if let Some(node) = self.named.as_ref().and_then(|named| named.get(token)) {
            node.matching(rest, false, found);
        }
        if let (Some(node), false) = (&self.any, closed && token == RESERVED) {
            node.matching(rest, false, found);
        }
    }

    fn is_empty(&self) -> bool {
        self.named.is_none() && self.any.is_none() && self.here.is_empty() && self.tails.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::Index;
    use crate::topic::pattern::Pattern;

    fn topic() -> impl Strategy<Value = String> {
        let token = select(&["a", "b", "c", "$bus", "\\*"][..]);
        vec(token, 1..5).prop_map(|tokens| tokens.join("."))
    }

    fn pattern() -> impl Strategy<Value = Pattern> {
        let token = select(&["a", "b", "c", "*", "*", "$bus"][..]);
        let last = select(&["", "", ">", "**"][..]);
        let text = (vec(token, 0..4), last).prop_map(|(mut tokens, last)| {
            tokens.extend(Some(last).filter(|last| !last.is_empty()));
            tokens.join(".")
        });
        text.prop_filter_map("a pattern", |text| Pattern::new(&text).ok())
    }

    // 10 patterns and 25 topics each, before and after some patterns have gone: 1,000,000 topics are looked up.
    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

        #[test]
        fn the_index_finds_what_the_naive_matcher_finds(
            patterns in vec(pattern(), 10),
            topics in vec(topic(), 25),
            gone in vec(any::<bool>(), 10),
        ) {
            let mut index = Index::default();
            for (place, pattern) in patterns.iter().enumerate() {
                index.insert(pattern, place);
            }
            for removed in [false, true] {
                let there = |place: &usize| !(removed && gone[*place]);
                for place in (0..patterns.len()).filter(|place| !there(place)) {
                    index.remove(&patterns[place], place as u64);
                }
                for topic in &topics {
                    let mut found = Vec::new();
                    index.matching(topic, |place| found.push(*place));
                    found.sort_unstable();
                    let naive = (0..patterns.len()).filter(there);
                    let naive: Vec<_> = naive.filter(|place| patterns[*place].matches(topic)).collect();
                    prop_assert_eq!(found, naive, "{} among {:?}", topic, &patterns);
                }
            }
            for (place, pattern) in patterns.iter().enumerate() {
                index.remove(pattern, place as u64);
            }
            prop_assert!(index.is_empty());
        }
    }
}
