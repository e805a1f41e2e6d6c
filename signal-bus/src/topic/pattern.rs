//! Patterns: which topics a subscription hears.

use std::cmp::Reverse;

use crate::error::InvalidTopic;
use crate::topic::name;

/// A checked name that may hold wildcards.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Pattern(Box<str>);

/// How much of a topic a pattern names; the most specific is the least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Specificity {
    wide: bool,
    open_ended: bool,
    /// Tokens that are no wildcards.
    named: Reverse<u16>,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, InvalidTopic> {
        name::check_pattern(text)?;
        Ok(Self(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for one topic only.
    pub(crate) fn is_exact(&self) -> bool {
        !self.tokens().any(is_wildcard)
    }

    pub(crate) fn is_reserved(&self) -> bool {
        name::is_reserved(&self.0)
    }

    /// Whether a subscription to this pattern hears `topic`.
    pub(crate) fn matches(&self, topic: &str) -> bool {
        // `topic` has no wildcards, so it is the pattern that stands for itself alone.
        covers(&self.0, topic)
    }

    /// Whether it hears every topic that `other` hears.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        covers(&self.0, &other.0)
    }

    /// Whether there is a topic that both hear.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.is_reserved() == other.is_reserved() && overlap(&self.0, &other.0)
    }

    /// Sorts the most specific first: exact names, then by how much is named, catch-alls last.
    pub(crate) fn specificity(&self) -> Specificity {
        let named = self.tokens().filter(|token| !is_wildcard(token)).count();
        let last = self.tokens().next_back();
        Specificity {
            wide: !self.is_exact(),
            open_ended: matches!(last, Some(">" | "**")),
            named: Reverse(u16::try_from(named).unwrap_or(u16::MAX)),
        }
    }

    /// The name with its wildcards escaped, so that it can stand in a topic of the bus itself.
    pub(crate) fn escaped(&self) -> String {
        let tokens = self.tokens().map(|token| match is_wildcard(token) {
            true => format!("\\{token}"),
            false => token.to_owned(),
        });
        tokens.collect::<Vec<_>>().join(".")
    }

    fn tokens(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }
}

fn is_wildcard(token: &str) -> bool {
    matches!(token, "*" | ">" | "**")
}

fn covers(wide: &str, narrow: &str) -> bool {
    if name::is_reserved(narrow) && !name::is_reserved(wide) {
        return false;
    }
    let mut narrow = narrow.split('.');
    for token in wide.split('.') {
        if token == "**" {
            return true;
        }
        let next = narrow.next();
        let covered = match token {
            // `**` may stand for nothing at all, `>` may not.
            ">" => return next.is_some_and(|next| next != "**"),
            "*" => next.is_some_and(|next| next != ">" && next != "**"),
            _ => next == Some(token),
        };
        if !covered {
            return false;
        }
    }
    narrow.next().is_none()
}

fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (Some("**"), _) | (_, Some("**")) | (None, None) => return true,
            (None, Some(_)) | (Some(_), None) => return false,
            (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) => {
                if a != "*" && b != "*" && a != b {
                    return false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn patterns_hear_what_their_wildcards_say() {
        for (text, topic, heard) in [
            ("orders.*.created", "orders.eu.created", true),
            ("orders.*.created", "orders.created", false),
            ("orders.*.created", "orders.eu.x.created", false),
            ("orders.>", "orders.eu.created", true),
            ("orders.>", "orders", false),
            ("orders.**", "orders", true),
            ("orders.**", "orders.eu.created", true),
            ("orders.**", "order", false),
            ("**", "a", true),
            (">", "a.b", true),
            ("*", "a.b", false),
            ("a", "a.b", false),
            (">", "$bus.dead", false),
            ("**", "$bus.dead", false),
            ("$bus.>", "$bus.dead", true),
        ] {
            assert_eq!(pattern(text).matches(topic), heard, "{text} {topic}");
        }
    }

    #[test]
    fn a_pattern_covers_what_it_hears_whole() {
        for (wide, narrow, covered) in [
            ("a.*", "a.b", true),
            ("a.*", "a.*", true),
            ("a.>", "a.*.c", true),
            ("a.>", "a.**", false),
            ("a.**", "a.**", true),
            ("a.**", "a", true),
            ("*.b", "a.*", false),
            ("a.*", "a.>", false),
        ] {
            assert_eq!(
                pattern(wide).covers(&pattern(narrow)),
                covered,
                "{wide} {narrow}"
            );
        }
    }

    #[test]
    fn patterns_overlap_where_a_topic_fits_both() {
        for (one, other, overlapping) in [
            ("a.*", "*.b", true),
            ("a.*", "a.b.c", false),
            ("a.>", "*.b.*", true),
            ("a.>", "a", false),
            ("a.**", "a", true),
            ("a.>", "a.**", true),
            ("a.b", "a.c", false),
            (">", "$bus.dead", false),
        ] {
            let (one, other) = (pattern(one), pattern(other));
            assert_eq!(one.overlaps(&other), overlapping, "{one:?} {other:?}");
            assert_eq!(other.overlaps(&one), overlapping, "{other:?} {one:?}");
        }
    }

    #[test]
    fn the_most_specific_comes_first() {
        let mut patterns = ["**", "a.>", "a.*", "a.b", "*.*", ">"].map(pattern);
        patterns.sort_by_key(Pattern::specificity);
        assert_eq!(
            patterns.each_ref().map(Pattern::as_str),
            ["a.b", "a.*", "*.*", "a.>", "**", ">"]
        );
    }
}
