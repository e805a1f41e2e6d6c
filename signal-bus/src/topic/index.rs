//! Patterns by their tokens, so that a topic finds those that hear it without looking at all.

use std::collections::HashMap;

use crate::topic::{
    name::{self, RESERVED},
    pattern::Pattern,
};

/// A set of values, each filed under a pattern.
///
/// Exact names are found by one look-up. The others form a tree of tokens, of which a topic visits at most two branches at
/// each token: its own name and `*`.
#[derive(Debug)]
pub(crate) struct Index<V> {
    exact: HashMap<Box<str>, Vec<V>>,
    wide: Node<V>,
}

#[derive(Debug)]
struct Node<V> {
    named: HashMap<Box<str>, Self>,
    /// Below `*`.
    any: Option<Box<Self>>,
    /// Patterns that end here.
    here: Vec<V>,
    /// Patterns that end in `>` here.
    more: Vec<V>,
    /// Patterns that end in `**` here.
    all: Vec<V>,
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
            named: HashMap::new(),
            any: None,
            here: Vec::new(),
            more: Vec::new(),
            all: Vec::new(),
        }
    }
}

impl<V> Index<V> {
    pub(crate) fn insert(&mut self, pattern: &Pattern, value: V) {
        if pattern.is_exact() {
            let name = pattern.as_str();
            match self.exact.get_mut(name) {
                Some(values) => values.push(value),
                None => drop(self.exact.insert(name.into(), vec![value])),
            }
        } else {
            self.wide.insert(pattern.as_str().split('.'), value);
        }
    }

    /// Takes out the values under `pattern` that `is` names; branches that carry nothing any more go as well.
    pub(crate) fn remove(&mut self, pattern: &Pattern, is: impl Fn(&V) -> bool) {
        if !pattern.is_exact() {
            self.wide.remove(pattern.as_str().split('.'), &is);
        } else if let Some(values) = self.exact.get_mut(pattern.as_str()) {
            values.retain(|value| !is(value));
            if values.is_empty() {
                self.exact.remove(pattern.as_str());
            }
        }
    }

    /// Calls `found` with each value filed under a pattern that hears `topic`.
    pub(crate) fn matching<'a>(&'a self, topic: &str, mut found: impl FnMut(&'a V)) {
        self.exact
            .get(topic)
            .into_iter()
            .flatten()
            .for_each(&mut found);
        self.wide
            .matching(Some(topic), name::is_reserved(topic), &mut found);
    }

    /// The values filed under `pattern` itself.
    pub(crate) fn filed(&self, pattern: &Pattern) -> &[V] {
        if pattern.is_exact() {
            return self.named(pattern.as_str());
        }
        self.wide.filed(pattern.as_str().split('.')).unwrap_or(&[])
    }

    /// The values filed under the name of a topic.
    pub(crate) fn named(&self, topic: &str) -> &[V] {
        self.exact.get(topic).map_or(&[], |values| values)
    }

    /// Whether nothing is filed.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wide.is_empty()
    }
}

impl<V> Node<V> {
    fn insert<'t>(&mut self, mut tokens: impl Iterator<Item = &'t str>, value: V) {
        match tokens.next() {
            None => self.here.push(value),
            Some(">") => self.more.push(value),
            Some("**") => self.all.push(value),
            Some("*") => self.any.get_or_insert_default().insert(tokens, value),
            Some(name) => match self.named.get_mut(name) {
                Some(node) => node.insert(tokens, value),
                None => self
                    .named
                    .entry(name.into())
                    .or_default()
                    .insert(tokens, value),
            },
        }
    }

    fn remove<'t>(&mut self, mut tokens: impl Iterator<Item = &'t str>, is: &impl Fn(&V) -> bool) {
        match tokens.next() {
            None => self.here.retain(|value| !is(value)),
            Some(">") => self.more.retain(|value| !is(value)),
            Some("**") => self.all.retain(|value| !is(value)),
            Some("*") => {
                if let Some(node) = &mut self.any {
                    node.remove(tokens, is);
                    if node.is_empty() {
                        self.any = None;
                    }
                }
            }
            Some(name) => {
                if let Some(node) = self.named.get_mut(name) {
                    node.remove(tokens, is);
                    if node.is_empty() {
                        self.named.remove(name);
                    }
                }
            }
        }
    }

    fn filed<'t>(&self, mut tokens: impl Iterator<Item = &'t str>) -> Option<&[V]> {
        match tokens.next() {
            None => Some(&self.here),
            Some(">") => Some(&self.more),
            Some("**") => Some(&self.all),
            Some("*") => self.any.as_ref()?.filed(tokens),
            Some(name) => self.named.get(name)?.filed(tokens),
        }
    }

    /// `rest` is what is left of the topic; `closed` while only patterns that name `$bus` may go on.
    fn matching<'a>(&'a self, rest: Option<&str>, closed: bool, found: &mut impl FnMut(&'a V)) {
        if !closed {
            self.all.iter().for_each(&mut *found);
        }
        let Some(rest) = rest else {
            self.here.iter().for_each(found);
            return;
        };
        if !closed {
            self.more.iter().for_each(&mut *found);
        }
        let (token, rest) = match rest.split_once('.') {
            Some((token, rest)) => (token, Some(rest)),
            None => (rest, None),
        };
        if let Some(node) = self.named.get(token) {
            node.matching(rest, false, found);
        }
        if let (Some(node), false) = (&self.any, closed && token == RESERVED) {
            node.matching(rest, false, found);
        }
    }

    fn is_empty(&self) -> bool {
        let Self {
            named,
            any,
            here,
            more,
            all,
        } = self;
        named.is_empty() && any.is_none() && here.is_empty() && more.is_empty() && all.is_empty()
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

    // 20,000 cases of 10 patterns and 5 topics each: 1,000,000 comparisons.
    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

        #[test]
        fn the_index_finds_what_the_naive_matcher_finds(
            patterns in vec(pattern(), 10),
            topics in vec(topic(), 5),
            gone in vec(any::<bool>(), 10),
        ) {
            let mut index = Index::default();
            for (place, pattern) in patterns.iter().enumerate() {
                index.insert(pattern, place);
            }
            for removed in [false, true] {
                let there = |place: &usize| !(removed && gone[*place]);
                for place in (0..patterns.len()).filter(|place| !there(place)) {
                    index.remove(&patterns[place], |other| *other == place);
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
                index.remove(pattern, |other| *other == place);
            }
            prop_assert!(index.is_empty());
        }
    }
}
