//! Topics as NATS knows them.

use std::sync::{Arc, Mutex, PoisonError};

use async_nats::Subject;
use signal_bus::transport::{TransportError, TransportFault};

/// Topics become subjects by a prefix; tokens and wildcards are the same.
#[derive(Clone, Default, Debug)]
pub(crate) struct Subjects {
    /// With its dot, or empty.
    prefix: String,
    /// What topics of dead letters begin with, with its dot.
    dead: Option<String>,
}

impl Subjects {
    pub(crate) fn below(prefix: &str) -> Result<Self, TransportError> {
        if prefix.is_empty() {
            return Ok(Self::default());
        }
        check(prefix).map_err(|what| refused(format!("the prefix {prefix:?} {what}")))?;
        if prefix.contains(['*', '>']) {
            return Err(refused(format!("the prefix {prefix:?} has a wildcard")));
        }
        Ok(Self {
            prefix: format!("{prefix}."),
            dead: None,
        })
    }

    /// The same, where dead letters have topics of their own.
    pub(crate) fn with_dead_letters(mut self, dead: Option<&str>) -> Self {
        self.dead = dead.map(|dead| format!("{dead}."));
        self
    }

    /// Whether it is the topic of a dead letter, which comes in only where a pattern asks for dead letters: whoever hears everything does
    /// not mean what he could not handle before.
    pub(crate) fn is_unasked(&self, topic: &str, pattern: &str) -> bool {
        let dead = self.dead.as_deref();
        dead.is_some_and(|dead| topic.starts_with(dead) && !pattern.starts_with(dead))
    }

    /// These subjects, below another prefix: `request`, and `shop.orders.eu` is `request.shop.orders.eu`.
    pub(crate) fn further_below(&self, prefix: &str) -> Result<Self, TransportError> {
        let above = Self::below(prefix)?;
        Ok(Self {
            prefix: format!("{}{}", above.prefix, self.prefix),
            dead: None,
        })
    }

    /// The subject of a topic or a pattern.
    pub(crate) fn of(&self, topic: &str) -> Result<String, TransportError> {
        check(topic).map_err(|what| refused(format!("the topic {topic:?} {what}")))?;
        let subject = format!("{}{topic}", self.prefix);
        let first = subject.split('.').next().unwrap_or_default();
        if first.starts_with('$') || first == "_INBOX" {
            let reason = format!(
                "the topic {topic:?} would be one of the server's own; give it a prefix: `Nats::prefix`"
            );
            return Err(refused(reason));
        }
        Ok(subject)
    }

    /// What stands before each topic.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The topic of a subject, if it is one of these.
    pub(crate) fn topic<'a>(&self, subject: &'a str) -> Option<&'a str> {
        subject.strip_prefix(&self.prefix)
    }
}

/// The subject of the topic that was asked for last: mostly it is the same topic again, and its very text.
#[derive(Default, Debug)]
pub(crate) struct LastSubject(Mutex<Option<(Arc<str>, Subject)>>);

impl LastSubject {
    /// The subject of a topic.
    pub(crate) fn of(
        &self,
        topic: &Arc<str>,
        subjects: &Subjects,
    ) -> Result<Subject, TransportError> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, subject)) = last.as_ref().filter(|(last, _)| Arc::ptr_eq(last, topic)) {
            return Ok(subject.clone());
        }
        let subject = Subject::from(subjects.of(topic)?);
        *last = Some((Arc::clone(topic), subject.clone()));
        Ok(subject)
    }
}

/// NATS lets subjects with empty tokens vanish without a word, so they are looked at here.
fn check(subject: &str) -> Result<(), &'static str> {
    if subject.is_empty() || subject.split('.').any(str::is_empty) {
        return Err("has an empty token");
    }
    if subject.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("has white space or a control character");
    }
    Ok(())
}

fn refused(reason: String) -> TransportError {
    TransportError::new(TransportFault::Refused, reason)
}

/// Whether a subject of a stream holds everything that a pattern stands for.
pub(crate) fn covers(subject: &str, pattern: &str) -> bool {
    let (mut own, mut other) = (subject.split('.'), pattern.split('.'));
    loop {
        match (own.next(), other.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(one), Some(token)) if one == token => {}
            _ => return false,
        }
    }
}

/// Whether two patterns have topics in common.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
            (Some(one), Some(other)) if one == other || one == "*" || other == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Subjects, covers, overlap};

    #[test]
    fn a_topic_comes_back_from_its_subject() {
        for prefix in ["", "shop", "shop.test"] {
            let subjects = Subjects::below(prefix).unwrap();
            let subject = subjects.of("orders.eu").unwrap();
            assert_eq!(subjects.topic(&subject), Some("orders.eu"));
        }
        assert_eq!(Subjects::below("shop").unwrap().topic("mail.sent"), None);
    }

    #[test]
    fn what_would_vanish_or_is_the_servers_own_is_refused() {
        let subjects = Subjects::default();
        for odd in [
            "", ".", "a..b", ".a", "a.", "a b", "a\r\nb", "$JS.API", "_INBOX.x",
        ] {
            assert!(subjects.of(odd).is_err(), "{odd}");
        }
        let below = Subjects::below("shop").unwrap();
        assert_eq!(below.of("$odd").unwrap(), "shop.$odd");
        for odd in ["a..b", "a.*", ">"] {
            assert!(Subjects::below(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn dead_letters_come_to_those_who_ask_for_them() {
        let subjects = Subjects::default().with_dead_letters(Some("dead"));
        for pattern in [">", "*.orders", "*.>"] {
            assert!(subjects.is_unasked("dead.orders", pattern), "{pattern}");
            assert!(!subjects.is_unasked("deadly.orders", pattern), "{pattern}");
        }
        for pattern in ["dead.>", "dead.orders"] {
            assert!(!subjects.is_unasked("dead.orders", pattern), "{pattern}");
        }
        assert!(!Subjects::default().is_unasked("dead.orders", ">"));
    }

    #[test]
    fn a_stream_holds_what_its_subjects_cover() {
        for (subject, pattern) in [
            ("a.>", "a.b"),
            ("a.>", "a.b.>"),
            ("a.*", "a.b"),
            ("a.*", "a.*"),
            (">", "a"),
        ] {
            assert!(covers(subject, pattern), "{subject} {pattern}");
        }
        for (subject, pattern) in [
            ("a.>", "a"),
            ("a.*", "a.>"),
            ("a.b", "a.*"),
            ("a.*", "a.b.c"),
            ("a", "a.b"),
        ] {
            assert!(!covers(subject, pattern), "{subject} {pattern}");
        }
    }

    #[test]
    fn patterns_have_topics_in_common_or_not() {
        for (one, other) in [("a.*", "*.b"), ("a.>", "a.b.c"), ("a.b", "a.b"), (">", "a")] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("a.*", "b.*"),
            ("a.>", "a"),
            ("a.b", "a.b.c"),
            ("a.*", "a.b.c"),
        ] {
            assert!(
                !overlap(one, other) && !overlap(other, one),
                "{one} {other}"
            );
        }
    }
}
