//! One event: what it carries, and how it stands on the wire.

use std::{fmt::Write as _, sync::OnceLock, time::Duration};

use bytes::Bytes;

use crate::{
    cursor::Cursor,
    json::{Object, texts, write_float, write_text},
    topic::{TOPICS_MAX, Topics, split},
};

/// The labels of an event.
const TIMESTAMP: &str = "pubsub_timestamp";
const TOPICS: &str = "pubsub_topics";
const PATH: &str = "pubsub_path";
const CURSOR: &str = "pubsub_cursor";

/// What was accepted from a publisher, before it has its place in the row.
#[derive(Debug)]
pub(crate) struct Draft {
    payload: Object,
    topics: Topics,
    is_private: bool,
    /// Decoded.
    path: Box<str>,
    /// In seconds since 1970.
    timestamp: f64,
}

impl Draft {
    pub(crate) fn new(payload: Object, path: &str, timestamp: f64) -> Self {
        let (topics, is_private) = Topics::of_event(path);
        Self {
            payload,
            topics,
            is_private,
            path: path.into(),
            timestamp,
        }
    }

    /// Reads what travels between gateways; a time that is not said is that at which it was stored. Says what is wrong with what is
    /// none.
    pub(crate) fn of_message(message: &[u8], stored: f64) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(message).map_err(|_| "it is not UTF-8")?;
        let payload = Object::read(text).map_err(|_| "it is no JSON object")?;
        let path = payload.value(PATH).ok_or("it has no `pubsub_path`")?;
        let [path] = &texts(&format!("[{path}]")).unwrap_or_default()[..] else {
            return Err("its `pubsub_path` is no text");
        };
        if !path.starts_with('/') {
            return Err("its `pubsub_path` does not begin with `/`");
        }
        if TOPICS_MAX < split(path).count() {
            return Err("its `pubsub_path` names too many topics");
        }
        let timestamp = match payload.value(TIMESTAMP) {
            None => stored,
            Some(time) => number(time).ok_or("its `pubsub_timestamp` is no number")?,
        };
        Ok(Self::new(payload, path, timestamp))
    }

    /// What travels to other gateways: the event without its place.
    pub(crate) fn message(&self) -> String {
        self.written(None)
    }

    /// Writes the event, with its place in the row.
    pub(crate) fn line(&self, cursor: Cursor) -> String {
        let mut line = self.written(Some(cursor));
        line.push('\n');
        line
    }

    fn written(&self, cursor: Option<Cursor>) -> String {
        let (mut timestamp, mut topics, mut path) = (String::new(), String::new(), String::new());
        write_float(self.timestamp, &mut timestamp);
        self.topics.write_json(&mut topics);
        write_text(&self.path, &mut path);
        let cursor = cursor.map(|cursor| format!("\"{cursor}\""));
        let mut labels = vec![
            (TIMESTAMP, timestamp.as_str()),
            (TOPICS, &topics),
            (PATH, &path),
        ];
        labels.extend(cursor.as_deref().map(|cursor| (CURSOR, cursor)));
        let mut written = String::new();
        self.payload.write_with(&labels, &mut written);
        written
    }

    pub(crate) fn is_private(&self) -> bool {
        self.is_private
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn timestamp(&self) -> f64 {
        self.timestamp
    }

    /// The event, with the line that was written of it.
    pub(crate) fn into_event(self, cursor: Cursor, line: &str) -> Event {
        Event {
            cursor,
            timestamp: self.timestamp,
            topics: self.topics,
            is_private: self.is_private,
            chunk: chunk(line, ""),
            terminated: OnceLock::new(),
            server_sent: OnceLock::new(),
            fields: OnceLock::new(),
        }
    }
}

fn number(written: &str) -> Option<f64> {
    written
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

/// An event in its place, written once for all who get it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) cursor: Cursor,
    /// In seconds since 1970.
    pub(crate) timestamp: f64,
    pub(crate) topics: Topics,
    pub(crate) is_private: bool,
    chunk: Bytes,
    /// The chunk for old clients, if one has come.
    terminated: OnceLock<Bytes>,
    /// The chunk for browsers, if one has come.
    server_sent: OnceLock<Bytes>,
    /// Its fields, if somebody looks for one.
    fields: OnceLock<Option<Object>>,
}

impl Event {
    /// An event that was written earlier.
    pub(crate) fn restored(cursor: Cursor, timestamp: f64, path: &str, line: &str) -> Self {
        let (topics, is_private) = Topics::of_event(path);
        Self {
            cursor,
            timestamp,
            topics,
            is_private,
            chunk: chunk(line, ""),
            terminated: OnceLock::new(),
            server_sent: OnceLock::new(),
            fields: OnceLock::new(),
        }
    }

    /// The chunk that carries it. One line is one chunk, always: clients lose events, or die, when two share one.
    pub(crate) fn chunk(&self, form: Form) -> &Bytes {
        match form {
            Form::Lines | Form::Socket => &self.chunk,
            Form::Terminated => self.terminated.get_or_init(|| chunk(self.line(), "\0")),
            Form::ServerSent => self.server_sent.get_or_init(|| {
                let (cursor, line) = (self.cursor, self.line());
                chunk(&format!("id: {cursor}\ndata: {line}"), "\n")
            }),
        }
    }

    /// The value of a field, as it is written.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let read = || Object::read(self.line()).ok();
        self.fields.get_or_init(read).as_ref()?.value(name)
    }

    /// How many bytes it takes on the wire.
    pub(crate) fn size(&self) -> usize {
        self.chunk.len()
    }

    /// Its JSON, with the newline.
    pub(crate) fn line(&self) -> &str {
        let start = self.chunk.iter().position(|byte| *byte == b'\n');
        let start = start.expect("a chunk begins with the line of its length") + 1;
        std::str::from_utf8(&self.chunk[start..self.chunk.len() - 2])
            .expect("it was made of a text")
    }
}

/// How a stream is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One line of JSON for each event.
    Lines,
    /// And a NUL behind it, for clients like svnwcsub.
    Terminated,
    /// As browsers read it: server-sent events.
    ServerSent,
    /// A WebSocket, which has a form of its own for everything.
    Socket,
}

/// So often a stream shows a sign of life, whatever else it writes.
pub(crate) const PING_PERIOD: Duration = Duration::from_secs(5);

/// The sign of life. In lines it has exactly one field: clients compare.
pub(crate) fn ping(now: f64, form: Form) -> Bytes {
    let mut line = String::from("{\"stillalive\": ");
    write_float(now, &mut line);
    line.push_str("}\n");
    match form {
        Form::Lines | Form::Socket => chunk(&line, ""),
        Form::Terminated => chunk(&line, "\0"),
        Form::ServerSent => chunk(": still alive\n", "\n"),
    }
}

/// Tells a browser that the event after which it wants to go on is not known any more.
pub(crate) fn stale() -> Bytes {
    chunk(
        "event: stale\ndata: the event you name is not kept any more; all that is kept follows\n",
        "\n",
    )
}

fn chunk(line: &str, ending: &str) -> Bytes {
    let mut chunk = String::with_capacity(line.len() + ending.len() + 10);
    let size = line.len() + ending.len();
    write!(chunk, "{size:x}\r\n{line}{ending}\r\n").expect("a text takes everything");
    Bytes::from(chunk)
}

#[cfg(test)]
mod tests {
    use super::{Draft, Form, ping};
    use crate::{
        cursor::{Cursor, Epoch},
        json::Object,
    };

    fn cursor() -> Cursor {
        Cursor {
            epoch: Epoch::from_bits(0),
            sequence: 7,
        }
    }

    fn line(payload: &str, path: &str) -> String {
        let payload = Object::read(payload).expect("an object");
        Draft::new(payload, path, 1_795_211_229.799_982_3).line(cursor())
    }

    #[test]
    fn an_event_carries_its_labels_after_its_fields() {
        let expected = concat!(
            r#"{"text": "Apples are delicious", "pubsub_timestamp": 1795211229.7999823, "#,
            r#""pubsub_topics": ["fruits", "apples"], "pubsub_path": "/fruits/apples", "#,
            r#""pubsub_cursor": "00000000-0000-8000-8000-000000000007"}"#,
            "\n"
        );
        assert_eq!(
            line(r#"{"text": "Apples are delicious"}"#, "/fruits/apples"),
            expected
        );
    }

    #[test]
    fn a_publisher_cannot_forge_labels() {
        let line = line(
            r#"{"pubsub_path": "/x", "pubsub_topics": 1, "a": 2}"#,
            "/private/é",
        );
        let expected = concat!(
            r#"{"pubsub_path": "/private/\u00e9", "pubsub_topics": ["\u00e9"], "a": 2, "#,
            r#""pubsub_timestamp": 1795211229.7999823, "pubsub_cursor": "00000000-0000-8000-8000-000000000007"}"#,
            "\n"
        );
        assert_eq!(line, expected);
    }

    /// Whatever was published, and whichever gateway writes it, the bytes are the same.
    #[test]
    fn an_event_that_has_travelled_is_written_as_if_it_had_not() {
        for (payload, path) in [
            (r#"{"text": "a\u00e9\n", "n": 1E5}"#, "/fruits/apples"),
            ("{}", "/"),
            (
                r#"{"pubsub_cursor": 1, "a": 2, "pubsub_path": [3]}"#,
                "//private\"/\u{e9}\n",
            ),
            (r#"{"pubsub_timestamp": "x"}"#, "/private/a"),
        ] {
            let object = Object::read(payload).expect("an object");
            let draft = Draft::new(object, path, 1_795_211_229.799_982_3);
            let travelled = Draft::of_message(draft.message().as_bytes(), 0.0);
            let travelled = travelled.expect("it can be read");
            assert_eq!(travelled.line(cursor()), draft.line(cursor()));
            assert_eq!(travelled.is_private(), draft.is_private());
            assert_eq!(travelled.path(), path);
        }
    }

    #[test]
    fn what_others_publish_is_an_event_or_it_is_said_why_not() {
        let read =
            |message: &[u8]| Draft::of_message(message, 7.5).map(|draft| draft.line(cursor()));
        let line = read(br#"{"text":"hi","pubsub_path":"/a"}"#).expect("it is an event");
        assert!(
            line.starts_with(r#"{"text": "hi", "pubsub_path": "/a", "pubsub_timestamp": 7.5, "#),
            "{line}"
        );
        let endless = format!(
            r#"{{"pubsub_path": "/a", "pubsub_timestamp": 1{}}}"#,
            "0".repeat(400)
        );
        let many = format!(r#"{{"pubsub_path": "{}"}}"#, "/a".repeat(513));
        for (message, expected) in [
            (&b"\xff"[..], "it is not UTF-8"),
            (b"", "it is no JSON object"),
            (b"[1]", "it is no JSON object"),
            (b"{}", "it has no `pubsub_path`"),
            (br#"{"pubsub_path": 1}"#, "its `pubsub_path` is no text"),
            (
                br#"{"pubsub_path": ["/a"]}"#,
                "its `pubsub_path` is no text",
            ),
            (
                br#"{"pubsub_path": "a"}"#,
                "its `pubsub_path` does not begin with `/`",
            ),
            (many.as_bytes(), "its `pubsub_path` names too many topics"),
            (
                br#"{"pubsub_path": "/a", "pubsub_timestamp": "7"}"#,
                "its `pubsub_timestamp` is no number",
            ),
            (
                br#"{"pubsub_path": "/a", "pubsub_timestamp": null}"#,
                "its `pubsub_timestamp` is no number",
            ),
            (endless.as_bytes(), "its `pubsub_timestamp` is no number"),
        ] {
            assert_eq!(read(message).expect_err("it is none"), expected);
        }
    }

    #[test]
    fn a_line_is_one_chunk() {
        let draft = Draft::new(Object::read("{}").expect("an object"), "/a", 1.0);
        let line = draft.line(cursor());
        let event = draft.into_event(cursor(), &line);
        assert_eq!(event.line(), line);
        let expected = format!("{:x}\r\n{line}\r\n", line.len());
        assert_eq!(event.chunk(Form::Lines), expected.as_bytes());
        let expected = format!("{:x}\r\n{line}\0\r\n", line.len() + 1);
        assert_eq!(event.chunk(Form::Terminated), expected.as_bytes());
    }

    #[test]
    fn a_ping_has_one_field() {
        assert_eq!(
            ping(1_795_211_229.499_114_5, Form::Lines),
            "23\r\n{\"stillalive\": 1795211229.4991145}\n\r\n"
        );
        assert_eq!(
            ping(2.0, Form::Terminated),
            "15\r\n{\"stillalive\": 2.0}\n\0\r\n"
        );
    }
}
