//! The backlog file of PyPubSub: one JSON object a line.

use crate::{backlog::line::Line, cursor::Cursor, event::Draft, json::Object};

/// An event of PyPubSub's.
#[derive(Debug)]
pub(super) struct Kept {
    draft: Draft,
    /// Decoded.
    path: Box<str>,
    timestamp: f64,
}

impl Kept {
    /// The event, with a place of its own.
    pub(super) fn line(&self, cursor: Cursor) -> Line {
        Line {
            sequence: cursor.sequence,
            timestamp: self.timestamp,
            line: self.draft.line(cursor).into(),
            path: self.path.clone(),
        }
    }
}

/// How PyPubSub begins each line.
const START: &[u8] = b"{\"timestamp\": ";

/// Whether PyPubSub may have written a file: it holds an event, or has been torn before the end of the first one.
pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    // A crash may leave room that nobody has written to.
    let begun = bytes
        .iter()
        .position(|byte| *byte != 0)
        .map_or(&[][..], |start| &bytes[start..]);
    let is_begun = begun.iter().zip(START).all(|(one, other)| one == other);
    is_begun
        || String::from_utf8_lossy(bytes)
            .lines()
            .any(|line| event(line).is_some())
}

/// Reads a file; says how many lines are torn.
pub(super) fn read(text: &str) -> (Vec<Kept>, u64) {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let (mut kept, mut torn_count) = (Vec::new(), 0);
    for line in lines {
        match event(line) {
            Some(event) => kept.push(event),
            None => torn_count += 1,
        }
    }
    (kept, torn_count)
}

fn event(line: &str) -> Option<Kept> {
    let event = Object::read(line).ok()?;
    let payload = Object::read(event.value("json")?).ok()?;
    let timestamp: f64 = event.value("timestamp")?.parse().ok()?;
    let is_private = match event.value("private")? {
        "true" => true,
        "false" => false,
        _ => return None,
    };
    let topics = crate::json::texts(event.value("topics")?)?;
    let start = if is_private { "/private/" } else { "/" };
    let path = format!("{start}{}", topics.join("/"));
    Some(Kept {
        draft: Draft::new(payload, &path, timestamp),
        path: path.into(),
        timestamp,
    })
}

#[cfg(test)]
mod tests {
    use super::{is_legacy, read};
    use crate::cursor::{Cursor, Epoch};

    #[test]
    fn a_file_of_pypubsub_is_told_from_others_also_when_it_is_torn() {
        let whole = r#"{"timestamp": 2.0, "topics": [], "json": {}, "private": true}"#;
        for length in 0..=whole.len() {
            assert!(is_legacy(&whole.as_bytes()[..length]), "{length}");
        }
        let spoilt = format!("\0\0\u{7f}\n{whole}\n");
        for ours in ["\0\0\0", "\0\0{\"time", &spoilt] {
            assert!(is_legacy(ours.as_bytes()), "{ours}");
        }
        for other in [
            "no json\n",
            "{}",
            "[1, 2]\n",
            "server:\n  port: 1\n",
            "\u{7f}ELF",
            "SQLite format 3\0",
        ] {
            assert!(!is_legacy(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn events_are_taken_over_with_their_paths_and_torn_lines_are_left_out() {
        let text = concat!(
            r#"{"timestamp": 1795211229.5, "topics": ["keep", "\u00e9"], "json": {"a": 1, "pubsub_path": "/keep"}, "private": false}"#,
            "\n",
            r#"{"timestamp": 2.0, "topics": [], "json": {}, "private": true}"#,
            "\n",
            "{\"timestamp\": 3.0, \"topics\": [\"x\"], \"js\n\n[1]\n",
        );
        let (kept, torn_count) = read(text);
        assert_eq!((kept.len(), torn_count), (2, 2));
        let cursor = Cursor {
            epoch: Epoch::from_bits(0),
            sequence: 0,
        };
        let lines: Vec<_> = kept.iter().map(|kept| kept.line(cursor)).collect();
        assert_eq!(
            (&*lines[0].path, lines[0].timestamp),
            ("/keep/é", 1_795_211_229.5)
        );
        assert!(
            lines[0].line.starts_with(
                r#"{"a": 1, "pubsub_path": "/keep/\u00e9", "pubsub_timestamp": 1795211229.5, "#
            ),
            "{}",
            lines[0].line
        );
        assert_eq!(&*lines[1].path, "/private/");
    }
}
