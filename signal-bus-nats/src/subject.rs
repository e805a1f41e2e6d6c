//! Topics as NATS knows them.

use std::sync::Arc;

use async_nats::Subject;
use signal_bus::transport::{TransportError, TransportFault};

/// Topics become subjects by a prefix; tokens and wildcards are the same.
#[derive(Clone, Default, Debug)]
pub(crate) struct Subjects {
    /// With its dot, or empty.
    prefix: String,
    /// What topics of dead letters begin with, with its dot.
    dead: Option<String>,
    /// What the subjects of requests begin with, with its dot.
    requests: Option<String>,
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
            ..Self::default()
        })
    }

    /// The same, where dead letters have topics of their own.
    pub(crate) fn with_dead_letters(mut self, dead: Option<&str>) -> Self {
        self.dead = dead.map(|dead| format!("{dead}."));
        self
    }

    /// The same, where requests have subjects of their own, if they have.
    pub(crate) fn with_requests(mut self, requests: &str) -> Self {
        let apart = Some(requests).filter(|requests| !requests.is_empty());
        self.requests = apart.map(|requests| format!("{requests}."));
        self
    }

    /// Whether whoever hears everything does not mean it: dead letters, which he could not handle before, requests, replies, and what is
    /// the server's own. It comes in only where a pattern asks for it.
    pub(crate) fn is_unasked(&self, topic: &str, pattern: &str) -> bool {
        let apart = |start: &str| topic.starts_with(start) && !pattern.starts_with(start);
        // What stands below a prefix is no subject of that kind.
        let plain = self.prefix.is_empty();
        self.dead.as_deref().is_some_and(apart)
            || plain && (is_servers_own(topic) || self.requests.as_deref().is_some_and(apart))
    }

    /// These subjects, below another prefix: `request`, and `shop.orders.eu` is `request.shop.orders.eu`.
    pub(crate) fn further_below(&self, prefix: &str) -> Result<Self, TransportError> {
        let above = Self::below(prefix)?;
        Ok(Self {
            prefix: format!("{}{}", above.prefix, self.prefix),
            ..Self::default()
        })
    }

    /// The subject of a topic or a pattern.
    pub(crate) fn of(&self, topic: &str) -> Result<String, TransportError> {
        check(topic).map_err(|what| refused(format!("the topic {topic:?} {what}")))?;
        let subject = format!("{}{topic}", self.prefix);
        if is_servers_own(&subject) {
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
pub(crate) struct Last(Option<(Arc<str>, Subject)>);

impl Last {
    pub(crate) fn get(&self, topic: &Arc<str>) -> Option<Subject> {
        let last = self.0.as_ref();
        let same = last.filter(|(last, _)| Arc::ptr_eq(last, topic));
        same.map(|(_, subject)| subject.clone())
    }

    /// Remembers a subject, and returns it.
    pub(crate) fn keep(&mut self, topic: &Arc<str>, subject: Subject) -> Subject {
        self.0 = Some((Arc::clone(topic), subject.clone()));
        subject
    }
}

/// The subject that was heard last, its topic, and whether whoever listens does not mean that: mostly it is the same again.
#[derive(Default, Debug)]
pub(crate) struct Heard(Option<(Subject, Arc<str>, bool)>);

impl Heard {
    /// The topic of a subject, and whether it is [not asked for](Subjects::is_unasked); `None` if it is none of these.
    pub(crate) fn topic(
        &mut self,
        subjects: &Subjects,
        pattern: &str,
        subject: &Subject,
    ) -> Option<(&Arc<str>, bool)> {
        if self.0.as_ref().is_none_or(|(last, ..)| last != subject) {
            let topic = subjects.topic(subject)?;
            let unasked = subjects.is_unasked(topic, pattern);
            self.0 = Some((subject.clone(), topic.into(), unasked));
        }
        let (_, topic, unasked) = self.0.as_ref()?;
        Some((topic, *unasked))
    }
}

/// Whether it is a subject of the server's, or of a reply.
fn is_servers_own(subject: &str) -> bool {
    subject.starts_with('$') || subject == "_INBOX" || subject.starts_with("_INBOX.")
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
    use super::{Heard, Subjects, covers, overlap};

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
    fn what_is_known_of_one_subject_is_not_taken_for_another() {
        let subjects = Subjects::below("shop").unwrap();
        let subjects = subjects.with_dead_letters(Some("dead"));
        let mut heard = Heard::default();
        for (subject, topic) in [
            ("shop.a", Some(("a", false))),
            ("shop.a", Some(("a", false))),
            ("shop.dead.a", Some(("dead.a", true))),
            ("mail.a", None),
            ("shop.dead.a", Some(("dead.a", true))),
            ("shop.a", Some(("a", false))),
        ] {
            let found = heard.topic(&subjects, ">", &subject.into());
            let found = found.map(|(topic, unasked)| (&**topic, unasked));
            assert_eq!(found, topic, "{subject}");
        }
    }

    #[test]
    fn requests_and_replies_come_to_nobody_who_only_hears_everything() {
        let subjects = Subjects::default().with_requests("request");
        assert!(subjects.is_unasked("request.price", ">"));
        assert!(!subjects.is_unasked("request.price", "request.*"));
        for own in ["_INBOX.x.7", "$JS.EVENT"] {
            assert!(subjects.is_unasked(own, ">"), "{own}");
        }
        assert!(!subjects.is_unasked("_INBOXES.x", ">"));
        let below = Subjects::below("shop").unwrap().with_requests("request");
        for plain in ["request.price", "$odd", "_INBOX.x"] {
            assert!(!below.is_unasked(plain, ">"), "{plain}");
        }
        // Where requests have no subjects of their own, they are what they are.
        let same = Subjects::default().with_requests("");
        assert!(!same.is_unasked("price", ">"));
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
