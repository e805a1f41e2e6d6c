//! What attributes say of topics: their types, and what is special about them.

use std::collections::HashMap;

use crate::{
    registry::{publisher::PublisherEntry, subscriber::SubscriberEntry},
    signal::Kind,
    site::Site,
    topic::{Traits, pattern::Pattern},
};

/// A topic, or the pattern of a template, that an attribute names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declaration {
    pub(crate) kind: Option<Kind>,
    pub(crate) site: Site,
    pub(crate) publishes: bool,
    pub(crate) traits: Traits,
}

/// All topics and templates that attributes name.
#[derive(Default, Debug)]
pub(crate) struct Declared {
    exact: HashMap<&'static str, Declaration>,
    templates: Vec<(Pattern, Declaration)>,
}

impl Declared {
    pub(crate) fn new(publishers: &[PublisherEntry], subscribers: &[SubscriberEntry]) -> Self {
        let mut declared = Self::default();
        for one in publishers {
            let declaration = Declaration {
                kind: one.kind,
                site: one.site,
                publishes: true,
                traits: one.traits,
            };
            match Pattern::new(one.topic) {
                Ok(pattern) if !pattern.is_exact() => {
                    declared.templates.push((pattern, declaration));
                }
                _ => declared.add(one.topic, declaration),
            }
        }
        for one in subscribers {
            for topic in &one.topics {
                let named = Pattern::new(topic)
                    .is_ok_and(|pattern| pattern.is_exact() && !pattern.is_reserved());
                if named {
                    let declaration = Declaration {
                        kind: one.kind,
                        site: one.site,
                        publishes: false,
                        traits: Traits {
                            sticky: one.sticky.contains(topic),
                            local: false,
                            travelling: false,
                        },
                    };
                    declared.add(topic, declaration);
                }
            }
        }
        declared
    }

    fn add(&mut self, topic: &'static str, new: Declaration) {
        let declaration = self.exact.entry(topic).or_insert(new);
        if declaration.kind.is_none() && new.kind.is_some() {
            (declaration.kind, declaration.site) = (new.kind, new.site);
            declaration.publishes = new.publishes;
        }
        declaration.traits.sticky |= new.traits.sticky;
        declaration.traits.local |= new.traits.local;
    }

    /// What is said of a topic by its name.
    pub(crate) fn exact(&self, topic: &str) -> Option<&Declaration> {
        self.exact.get(topic)
    }

    /// What is said of a topic by its name, or else by the first template that can name it.
    pub(crate) fn of(&self, topic: &str) -> Option<&Declaration> {
        let by_template = || {
            let mut templates = self.templates.iter();
            templates
                .find(|(pattern, _)| pattern.matches(topic))
                .map(|(_, one)| one)
        };
        self.exact(topic).or_else(by_template)
    }

    /// A topic or template that a subscription of `kind` to `pattern` does not fit.
    ///
    /// The name is `None` where it is the pattern's own.
    pub(crate) fn conflict(
        &self,
        pattern: &Pattern,
        kind: Kind,
    ) -> Option<(Option<&str>, &Declaration)> {
        let differs = |one: &Declaration| one.kind.is_some_and(|other| other != kind);
        if pattern.is_exact() {
            return self
                .of(pattern.as_str())
                .filter(|one| differs(one))
                .map(|one| (None, one));
        }
        let exact = self.exact.iter().filter(|(_, one)| differs(one));
        let mut exact = exact.filter(|(topic, _)| pattern.matches(topic));
        if let Some((topic, one)) = exact.next() {
            return Some((Some(topic), one));
        }
        let templates = self.templates.iter().filter(|(_, one)| differs(one));
        let mut covered = templates.filter(|(template, _)| pattern.covers(template));
        covered
            .next()
            .map(|(template, one)| (Some(template.as_str()), one))
    }
}
