//! A signal as it travels.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use crate::signal::{headers::Headers, plain::Given};

/// The names of the headers that a bus writes itself; those of the user stand beside them.
pub mod header {
    use crate::signal::plain;

    /// How the payload is written, and the name of the value's type as the sender knows it, which is told, not checked:
    /// `application/json; type="shop::Order"`.
    pub const CONTENT_TYPE: &str = plain::CONTENT_TYPE;
    /// The message's id, unique over all processes.
    ///
    /// That of a bus says who has sent it, and when, to some milliseconds where it sends much: 32 digits for the bus, the microseconds
    /// since 1970, and a number, with `-` between them. Others may write what they like.
    pub const ID: &str = plain::ID;
    /// The bus that has sent it, where its id does not say so.
    pub const SENDER: &str = "Signal-Sender";
    /// The id of the signal whose handler has published it.
    pub const PARENT: &str = "Signal-Parent";
    /// The id of the first signal of all that led to it.
    pub const ROOT: &str = "Signal-Root";
    /// When it was published, where its id does not say so: microseconds since 1970, UTC.
    pub const TIME: &str = "Signal-Time";
    /// In a reply: why there is none, in words; the payload is empty then.
    pub const ERROR: &str = "Signal-Error";
    /// In a reply, beside [`ERROR`]: nobody has taken the request, for whoever would have has just left. It may be asked again.
    pub const GONE: &str = "Signal-Gone";
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
    pub topic: Arc<str>,
    /// The value, as [`header::CONTENT_TYPE`] says.
    pub payload: Bytes,
    /// Names and texts, the bus's own among them.
    pub headers: Headers,
}

impl Message {
    /// A message.
    pub fn new(topic: impl Into<Arc<str>>, payload: impl Into<Bytes>, headers: Headers) -> Self {
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
        let own = || {
            let id = self.id()?;
            Given::read(id)?;
            Some(id.split_once('-')?.0)
        };
        self.headers.get(header::SENDER).or_else(own)
    }

    /// When it was published, if it says so.
    #[must_use]
    pub fn time(&self) -> Option<SystemTime> {
        if let Some(plain) = self.headers.as_plain() {
            return time(plain.given.time);
        }
        let microseconds = match self.headers.get(header::TIME) {
            Some(time) => time.parse().ok()?,
            None => Given::read(self.id()?)?.time,
        };
        time(microseconds)
    }

    /// What it is written as, if [`header::CONTENT_TYPE`] and [`header::ID`] are the headers it has, and it has no other: then its id
    /// is written behind `id`. There are only so many of these content types: they stay as long as the program.
    ///
    /// So are the messages of most signals, and a transport saves time if it looks here before it looks at `headers`.
    #[must_use]
    pub fn plain(&self, id: &mut String) -> Option<&'static str> {
        let plain = self.headers.as_plain()?;
        plain.given.push_to(id);
        Some(plain.content_type)
    }

    /// The name of the value's type, as the sender knows it, if it says so.
    #[must_use]
    pub fn type_name(&self) -> Option<&str> {
        let (_, name) = self.headers.get(header::CONTENT_TYPE)?.split_once(TYPE)?;
        name.strip_suffix('"')
    }
}

/// What stands before the name of the type, which has no quotes in it.
const TYPE: &str = "; type=\"";

/// What is said of the payload in a header.
pub(crate) fn content_type(format: &str, type_name: &str) -> String {
    [format, TYPE, type_name, "\""].concat()
}

/// The microseconds since 1970.
pub(crate) fn microseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.unwrap_or_default().as_micros();
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// So many microseconds since 1970, if there is such a time.
pub(crate) fn time(microseconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Message, content_type, header, microseconds};
    use crate::signal::{
        headers::Headers,
        plain::{Given, IdRoom, Node},
    };

    fn with(name: &str, text: &str) -> Message {
        Message::new("t", "", Headers::new().with(name, text))
    }

    #[test]
    fn an_id_says_who_has_sent_it_and_when() {
        let (node, time) = (
            Node::new(),
            SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
        );
        let given = Given {
            node,
            time: microseconds(time),
            number: 7,
        };
        let mut room = IdRoom::default();
        let mut message = with(header::ID, given.written(&mut room));
        assert_eq!(
            (message.sender(), message.time()),
            (Some(node.as_str()), Some(time))
        );
        let headers = message.headers.clone();
        message.headers = headers.with(header::SENDER, "far").with(header::TIME, "5");
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(5);
        assert_eq!(
            (message.sender(), message.time()),
            (Some("far"), Some(time))
        );
    }

    #[test]
    fn the_ids_of_others_say_nothing() {
        let node = Node::new();
        let node = node.as_str();
        for odd in [
            "",
            "7",
            "order-1700-5",
            node,
            &format!("{node}-1"),
            &format!("{node}--"),
            &format!("{node}-1-2-3"),
            &format!("{node}-1-x"),
            &format!("{node}-01-2"),
            &format!("{node}-1-+2"),
            &format!("{node}-1-99999999999999999999"),
        ] {
            let message = with(header::ID, odd);
            assert_eq!((message.sender(), message.time()), (None, None), "{odd}");
        }
        let other = "naïve-naïve-naïve-naïve-naïve-na-1-2";
        assert_eq!(with(header::ID, other).sender(), None);
    }

    #[test]
    fn odd_times_are_none() {
        for odd in ["", "soon", "-1", "99999999999999999999"] {
            assert_eq!(with(header::TIME, odd).time(), None, "{odd}");
        }
    }

    #[test]
    fn the_type_stands_beside_the_format() {
        let name = std::any::type_name::<(u8, [Option<&str>; 4])>();
        let message = with(
            header::CONTENT_TYPE,
            &content_type("application/json", name),
        );
        assert_eq!(message.type_name(), Some(name));
        for other in [
            "application/json",
            "text/plain; charset=utf-8",
            "; type=\"",
            "a; type=x",
        ] {
            assert_eq!(
                with(header::CONTENT_TYPE, other).type_name(),
                None,
                "{other}"
            );
        }
    }
}
