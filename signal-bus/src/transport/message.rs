//! A signal as it travels.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::signal::headers::Headers;

/// The names of the headers that a bus writes itself; those of the user stand beside them.
pub mod header {
    /// How the payload is written: `application/json`.
    pub const CONTENT_TYPE: &str = "Content-Type";
    /// The name of the value's type, as the sender knows it; told, not checked.
    pub const TYPE: &str = "Signal-Type";
    /// The message's id, unique over all processes.
    pub const ID: &str = "Signal-Id";
    /// The bus that has sent it.
    pub const SENDER: &str = "Signal-Sender";
    /// The id of the signal whose handler has published it.
    pub const PARENT: &str = "Signal-Parent";
    /// The id of the first signal of all that led to it.
    pub const ROOT: &str = "Signal-Root";
    /// When it was published: microseconds since 1970, UTC.
    pub const TIME: &str = "Signal-Time";
    /// Where the answer to it goes.
    pub const REPLY_TO: &str = "Signal-Reply-To";
}

/// A signal as it travels: bytes with a label.
///
/// What other programs publish may lack every header: it is read as JSON, has come at the moment, and led to nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Message {
    /// The topic it was published on.
    pub topic: String,
    /// The value, as [`header::CONTENT_TYPE`] says.
    pub payload: Bytes,
    /// Names and texts, the bus's own among them.
    pub headers: Headers,
}

impl Message {
    /// A message.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>, headers: Headers) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            headers,
        }
    }

    /// Its id: the same each time it is sent. `None` if another program has sent it without one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.headers.get(header::ID)
    }

    /// The bus that has sent it.
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        self.headers.get(header::SENDER)
    }

    /// When it was published, if it says so.
    #[must_use]
    pub fn time(&self) -> Option<SystemTime> {
        let microseconds = self.headers.get(header::TIME)?.parse().ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(microseconds))
    }
}

/// How a point in time is written in a header.
pub(crate) fn written(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_micros().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Message, header, written};
    use crate::signal::headers::Headers;

    #[test]
    fn a_time_comes_back_as_it_was_written() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        let headers = Headers::new().with(header::TIME, written(time));
        assert_eq!(Message::new("t", "", headers).time(), Some(time));
        for odd in ["", "soon", "-1", "99999999999999999999"] {
            let headers = Headers::new().with(header::TIME, odd);
            assert_eq!(Message::new("t", "", headers).time(), None, "{odd}");
        }
    }
}
