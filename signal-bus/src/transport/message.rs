//! A signal as it travels.

use std::{
    fmt::Write as _,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use crate::signal::headers::Headers;

/// The names of the headers that a bus writes itself; those of the user stand beside them.
pub mod header {
    /// How the payload is written, and the name of the value's type as the sender knows it, which is told, not checked:
    /// `application/json; type="shop::Order"`.
    pub const CONTENT_TYPE: &str = "Content-Type";
    /// The message's id, unique over all processes.
    ///
    /// That of a bus says who has sent it, and when: 32 digits for the bus, the microseconds since 1970, and a number, with `-`
    /// between them. Others may write what they like.
    pub const ID: &str = "Signal-Id";
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
        let own = || Some(given(self.id()?)?.0);
        self.headers.get(header::SENDER).or_else(own)
    }

    /// When it was published, if it says so.
    #[must_use]
    pub fn time(&self) -> Option<SystemTime> {
        let microseconds = match self.headers.get(header::TIME) {
            Some(time) => time.parse().ok()?,
            None => given(self.id()?)?.1,
        };
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(microseconds))
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

/// How long the name of a bus is.
const NODE_LENGTH: usize = 32;

/// What is said of the payload in a header.
pub(crate) fn content_type(format: &str, type_name: &str) -> String {
    [format, TYPE, type_name, "\""].concat()
}

/// The microseconds since 1970.
pub(crate) fn microseconds(time: SystemTime) -> u128 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_micros()
}

/// A name for a bus that no other has.
pub(crate) fn node() -> Arc<str> {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random()).into()
}

/// The id of a message of a bus.
pub(crate) fn id(node: &str, time: SystemTime, number: u64) -> String {
    let mut id = String::with_capacity(NODE_LENGTH + 32);
    let written = write!(id, "{node}-{}-{number}", microseconds(time));
    written.expect("a text takes everything");
    id
}

/// The bus that has given an id, and when in microseconds since 1970, if it was one.
fn given(id: &str) -> Option<(&str, u64)> {
    let (node, rest) = id.split_at_checked(NODE_LENGTH)?;
    let mut rest = rest.strip_prefix('-')?.split('-');
    let (time, number) = (rest.next()?.parse().ok()?, rest.next()?);
    let is_own = node.bytes().all(|byte| byte.is_ascii_hexdigit())
        && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_own && rest.next().is_none()).then_some((node, time))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Message, content_type, header, id, node};
    use crate::signal::headers::Headers;

    fn with(name: &str, text: &str) -> Message {
        Message::new("t", "", Headers::new().with(name, text))
    }

    #[test]
    fn an_id_says_who_has_sent_it_and_when() {
        let (node, time) = (
            node(),
            SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
        );
        let mut message = with(header::ID, &id(&node, time, 7));
        assert_eq!(
            (message.sender(), message.time()),
            (Some(&*node), Some(time))
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
        let node = node();
        for odd in [
            "",
            "7",
            "order-1700-5",
            &*node,
            &format!("{node}-1"),
            &format!("{node}--"),
            &format!("{node}-1-2-3"),
            &format!("{node}-1-x"),
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
