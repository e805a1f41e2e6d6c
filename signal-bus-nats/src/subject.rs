//! Topics as NATS knows them.

use signal_bus::transport::{TransportError, TransportFault};

/// Topics become subjects by a prefix; tokens and wildcards are the same.
#[derive(Clone, Default, Debug)]
pub(crate) struct Subjects {
    /// With its dot, or empty.
    prefix: String,
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

    /// The topic of a subject, if it is one of these.
    pub(crate) fn topic<'a>(&self, subject: &'a str) -> Option<&'a str> {
        subject.strip_prefix(&self.prefix)
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

#[cfg(test)]
mod tests {
    use super::{Subjects, covers};

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
}
