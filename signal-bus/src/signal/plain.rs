//! What a bus says of every signal that travels: what the payload is, and what the signal is called. Mostly it says no more.

use std::{
    cell::Cell,
    collections::BTreeSet,
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{PoisonError, RwLock},
};

/// The header that says what the payload is.
pub(crate) const CONTENT_TYPE: &str = "Content-Type";
/// The header of the id.
pub(crate) const ID: &str = "Signal-Id";

/// How long the name of a bus is.
const NODE_LENGTH: usize = 32;

/// What a bus is called among all: hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node([u8; NODE_LENGTH]);

impl Node {
    /// A name that no other bus has.
    pub(crate) fn new() -> Self {
        let random = || RandomState::new().hash_one(std::process::id());
        let mut name = [0; NODE_LENGTH];
        let written = format!("{:016x}{:016x}", random(), random());
        name.copy_from_slice(written.as_bytes());
        Self(name)
    }

    fn read(name: &[u8; NODE_LENGTH]) -> Option<Self> {
        // Mostly it is the one whose message came before.
        if LAST_NODE.get() == *name {
            return Some(Self(*name));
        }
        if !name.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        LAST_NODE.set(*name);
        Some(Self(*name))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

thread_local! {
    static LAST_NODE: Cell<[u8; NODE_LENGTH]> = const { Cell::new([b'0'; NODE_LENGTH]) };
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// The id that a bus has given to a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Given {
    /// The bus.
    pub(crate) node: Node,
    /// When, in microseconds since 1970.
    pub(crate) time: u64,
    pub(crate) number: u64,
}

/// The longest id that a bus gives.
const ID_MAX: usize = NODE_LENGTH + 2 * (1 + NUMBER_MAX);
/// The longest number.
const NUMBER_MAX: usize = 20;
/// So many digits are none too many for sure.
const DIGITS_MIN: usize = 19;

impl Given {
    /// What an id says, if a bus has given it.
    pub(crate) fn read(id: &str) -> Option<Self> {
        let (node, rest) = id.as_bytes().split_first_chunk()?;
        let node = Node::read(node)?;
        let (time, rest) = number(rest.strip_prefix(b"-")?)?;
        let (number, rest) = number(rest.strip_prefix(b"-")?)?;
        rest.is_empty().then_some(Self { node, time, number })
    }

    /// Writes it; to make a text of its own for each would be one more piece of memory.
    pub(crate) fn written<'a>(&self, room: &'a mut IdRoom) -> &'a str {
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
        let begin = rest.saturating_sub(NODE_LENGTH);
        room.0[begin..rest].copy_from_slice(&self.node.0);
        std::str::from_utf8(&room.0[begin..]).unwrap_or_default()
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.written(&mut IdRoom::default()))
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
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut length) = (0_u64, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if 9 < digit {
            break;
        }
        let digit = u64::from(digit);
        value = match length < DIGITS_MIN {
            true => value * 10 + digit,
            false => value.checked_mul(10)?.checked_add(digit)?,
        };
        length += 1;
    }
    let padded = 1 < length && text[0] == b'0';
    (0 < length && !padded).then_some((value, &text[length..]))
}

/// What a bus says of a signal, if it says no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    pub(crate) content_type: &'static str,
    pub(crate) given: Given,
}

impl Plain {
    /// `None` if the content type is none that was kept.
    pub(crate) fn of(content_type: &str, given: Given) -> Option<Self> {
        let content_type = kept(content_type)?;
        Some(Self {
            content_type,
            given,
        })
    }

    /// What two headers say, if it is this.
    pub(crate) fn read(headers: [(&str, &str); 2]) -> Option<Self> {
        let [(one, first), (other, second)] = headers;
        match (one, other) {
            (CONTENT_TYPE, ID) => Self::of(first, Given::read(second)?),
            (ID, CONTENT_TYPE) => Self::of(second, Given::read(first)?),
            _ => None,
        }
    }
}

/// The content types of all types that the program carries. There are as many as it has types, so they stay.
static KEPT: RwLock<BTreeSet<&'static str>> = RwLock::new(BTreeSet::new());

/// Places for those that a thread has seen last: of a length each.
const SEEN: usize = 8;

thread_local! {
    static LAST: [Cell<&'static str>; SEEN] = const { [const { Cell::new("") }; SEEN] };
}

/// Keeps a content type for good.
pub(crate) fn keep(content_type: &str) {
    let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
    if !kept.contains(content_type) {
        kept.insert(Box::leak(content_type.into()));
    }
}

/// A content type, if it was kept.
fn kept(content_type: &str) -> Option<&'static str> {
    LAST.with(|seen| {
        let last = &seen[content_type.len() % SEEN];
        if last.get() == content_type {
            return Some(last.get());
        }
        let kept = KEPT.read().unwrap_or_else(PoisonError::into_inner);
        let found = *kept.get(content_type)?;
        last.set(found);
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::{CONTENT_TYPE, Given, ID, IdRoom, Node, Plain, keep};

    #[test]
    fn an_id_is_written_as_it_is_read() {
        let node = Node::new();
        let ends = [u64::MAX, u64::MAX / 10, u64::MAX / 10 + 1];
        for number in [0, 9, 10, 99, 100, 1005, 12_345].into_iter().chain(ends) {
            let given = Given {
                node,
                time: number,
                number,
            };
            let mut room = IdRoom::default();
            let text = given.written(&mut room);
            assert_eq!(text, format!("{node:?}-{number}-{number}").replace('"', ""));
            assert_eq!(Given::read(text), Some(given));
        }
    }

    #[test]
    fn only_what_a_bus_says_of_every_signal_is_plain() {
        let given = Given {
            node: Node::new(),
            time: 7,
            number: 8,
        };
        let id = &*given.to_string();
        keep("kept/plain");
        let (kept, named) = ((CONTENT_TYPE, "kept/plain"), (ID, id));
        for both in [[kept, named], [named, kept]] {
            let plain = Plain::read(both).unwrap();
            assert_eq!((plain.content_type, plain.given), ("kept/plain", given));
        }
        let odd = [(CONTENT_TYPE, "never/kept"), (ID, "7"), ("Tenant", "acme")];
        for odd in odd {
            assert!(Plain::read([kept, odd]).is_none() && Plain::read([odd, named]).is_none());
        }
    }
}
