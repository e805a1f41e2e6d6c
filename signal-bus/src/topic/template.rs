//! Names with holes: `orders.{region}.created`.

use crate::{error::InvalidTopic, topic::pattern::Pattern};

/// What a subscription was written as: a pattern, and the names of some of its wildcards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Template {
    pattern: Pattern,
    /// With the holes, if there are any.
    written: Option<Box<str>>,
}

impl Template {
    /// Reads a pattern; a token in braces, `{region}`, is a `*` with a name.
    pub(crate) fn new(written: &str) -> Result<Self, InvalidTopic> {
        let holes = written.split('.').any(|token| hole(token).is_some());
        let pattern = if holes {
            let tokens = written.split('.');
            let tokens = tokens.map(|token| hole(token).map_or(token, |_| "*"));
            let pattern = Pattern::new(&tokens.collect::<Vec<_>>().join("."));
            pattern.map_err(|error| InvalidTopic {
                position: position(written, error.position),
                ..error
            })?
        } else {
            Pattern::new(written)?
        };
        Ok(Self {
            pattern,
            written: holes.then(|| written.into()),
        })
    }

    pub(crate) fn written(&self) -> &str {
        self.written
            .as_deref()
            .unwrap_or_else(|| self.pattern.as_str())
    }

    pub(crate) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    pub(crate) fn has_holes(&self) -> bool {
        self.written.is_some()
    }

    /// The names of its holes, each with the token of `topic` that stands there, if it hears the topic.
    pub(crate) fn captures<'a>(
        &'a self,
        topic: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let hears = self.has_holes() && self.pattern.matches(topic);
        let tokens = self.written().split('.').zip(topic.split('.'));
        let captured = tokens.filter_map(|(written, token)| Some((hole(written)?, token)));
        captured.take_while(move |_| hears)
    }
}

/// Where a place of the pattern is in what was written.
fn position(written: &str, in_pattern: usize) -> usize {
    let (mut wider, mut at) = (0, 0);
    for token in written.split('.') {
        let length = hole(token).map_or(token.len(), |_| 1);
        if in_pattern <= at + length {
            break;
        }
        wider += token.len() - length;
        at += length + 1;
    }
    in_pattern + wider
}

/// The name of a hole, if the token is one.
fn hole(token: &str) -> Option<&str> {
    let name = token.strip_prefix('{')?.strip_suffix('}')?;
    let mut letters = name.chars();
    let first = letters.next()?;
    let begins = first == '_' || first.is_alphabetic();
    let goes_on = letters.all(|letter| letter == '_' || letter.is_alphanumeric());
    (begins && goes_on).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn holes_are_wildcards_with_names() {
        let template = Template::new("orders.{region}.*.{id}").unwrap();
        assert_eq!(template.pattern().as_str(), "orders.*.*.*");
        let captures: Vec<_> = template.captures("orders.eu.x.7").collect();
        assert_eq!(captures, [("region", "eu"), ("id", "7")]);
        assert_eq!(template.captures("orders.eu.x").count(), 0);
    }

    #[test]
    fn what_is_wrong_is_told_where_it_was_written() {
        for (written, position) in [
            ("{region}.a b", 10),
            ("{region}..b", 9),
            ("a..{region}", 2),
            ("{a}.{region}.x*", 14),
        ] {
            let error = Template::new(written).unwrap_err();
            assert_eq!(error.position, position, "{written}");
        }
    }

    #[test]
    fn braces_that_hold_no_name_are_letters() {
        for written in ["a.{}", "a.{1}", "a.x{y}", "a.{b c"] {
            assert!(Template::new(written).map_or(true, |template| !template.has_holes()));
        }
    }
}
