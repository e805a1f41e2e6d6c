//! A signal as it travels.

use std::{
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
        let own = || Some(Given::read(self.id()?)?.node);
        self.headers.get(header::SENDER).or_else(own)
    }

    /// When it was published, if it says so.
    #[must_use]
    pub fn time(&self) -> Option<SystemTime> {
        let microseconds = match self.headers.get(header::TIME) {
            Some(time) => time.parse().ok()?,
            None => Given::read(self.id()?)?.time,
        };
        time(microseconds)
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
pub(crate) fn microseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.unwrap_or_default().as_micros();
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// So many microseconds since 1970, if there is such a time.
pub(crate) fn time(microseconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(microseconds))
}

/// A name for a bus that no other has.
pub(crate) fn node() -> Arc<str> {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random()).into()
}

/// The id that a bus has given to a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Given<'a> {
    /// The bus.
    pub(crate) node: &'a str,
    /// When, in microseconds since 1970.
    pub(crate) time: u64,
    pub(crate) number: u64,
}

/// The longest id that a bus gives.
const ID_MAX: usize = NODE_LENGTH + 2 * (1 + NUMBER_MAX);
/// The longest number.
const NUMBER_MAX: usize = 20;

impl<'a> Given<'a> {
    /// What an id says, if a bus has given it.
    pub(crate) fn read(id: &'a str) -> Option<Self> {
        Self::read_of(id, "")
    }

    /// As [`read`](Self::read), quicker if it is of a bus that is known already.
    pub(crate) fn read_of(id: &'a str, known: &str) -> Option<Self> {
        let (node, rest) = id.split_at_checked(NODE_LENGTH)?;
        let is_node = node == known || node.bytes().all(|byte| byte.is_ascii_hexdigit());
        let rest = rest.strip_prefix('-').filter(|_| is_node)?;
        let (time, rest) = plain(rest.as_bytes())?;
        let (number, rest) = plain(rest.strip_prefix(b"-")?)?;
        rest.is_empty().then_some(Self { node, time, number })
    }

    /// Writes it; to make a text of its own for each would be one more piece of memory.
    pub(crate) fn written<'b>(&self, room: &'b mut IdRoom) -> &'b str {
        let mut rest = ID_MAX;
        for number in [self.number, self.time] {
            let mut left = number;
            while 10 <= left {
                let pair = 2 * usize::try_from(left % 100).unwrap_or_default();
                rest -= 2;
                room.0[rest..rest + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
                left /= 100;
            }
            if 0 < left || number == 0 {
                rest -= 1;
                room.0[rest] = b'0' + u8::try_from(left).unwrap_or_default();
            }
            rest -= 1;
            room.0[rest] = b'-';
        }
        let begin = rest.saturating_sub(self.node.len());
        let node = &mut room.0[begin..rest];
        node.copy_from_slice(&self.node.as_bytes()[..node.len()]);
        std::str::from_utf8(&room.0[begin..]).unwrap_or_default()
    }
}

/// The digits of 0 to 99, two each.
const PAIRS: [u8; 200] = {
    let mut pairs = [b'0'; 200];
    let (mut at, mut tens) = (0, b'0');
    while tens <= b'9' {
        let mut ones = b'0';
        while ones <= b'9' {
            pairs[at] = tens;
            pairs[at + 1] = ones;
            (at, ones) = (at + 2, ones + 1);
        }
        tens += 1;
    }
    pairs
};

/// Where an id is written.
pub(crate) struct IdRoom([u8; ID_MAX]);

impl Default for IdRoom {
    fn default() -> Self {
        Self([0; ID_MAX])
    }
}

/// A number as a bus writes it, and what follows.
fn plain(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut length) = (0_u64, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if 9 < digit {
            break;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        length += 1;
    }
    let padded = 1 < length && text[0] == b'0';
    (0 < length && !padded).then_some((value, &text[length..]))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Given, IdRoom, Message, content_type, header, microseconds, node};
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
        let given = Given {
            node: &node,
            time: microseconds(time),
            number: 7,
        };
        let mut room = IdRoom::default();
        let mut message = with(header::ID, given.written(&mut room));
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
    fn an_id_is_written_as_it_is_read() {
        let node = node();
        for number in [0, 9, 10, 99, 100, 1005, 12_345, u64::MAX] {
            let given = Given {
                node: &node,
                time: number,
                number,
            };
            let mut room = IdRoom::default();
            let text = given.written(&mut room);
            assert_eq!(text, format!("{node}-{number}-{number}"));
            assert_eq!(Given::read(text), Some(given));
        }
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
