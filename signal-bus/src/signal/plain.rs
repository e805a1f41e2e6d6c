//! What a bus says of every signal that travels: what the payload is, and what the signal is called. Mostly it says no more.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    fmt,
    hash::{BuildHasher as _, RandomState},
    ops::Range,
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
        let read = name.iter().all(u8::is_ascii_hexdigit);
        read.then_some(Self(*name))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
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
/// The microseconds of a second have six digits.
const SECOND: u64 = 1_000_000;
/// Seconds of ten digits, as there will be until 2286.
const SECONDS: Range<u64> = 1_000_000_000..10_000_000_000;

/// What the ids begin with that a bus gives within one second.
struct Begin {
    node: Node,
    seconds: u64,
    text: String,
}

thread_local! {
    /// That of the id that was read last: mostly the next one begins with it, too.
    static READ: RefCell<Option<Begin>> = const { RefCell::new(None) };
    /// That of the id that was written last.
    static WRITTEN: RefCell<Option<Begin>> = const { RefCell::new(None) };
}

impl Begin {
    /// `None` if the seconds have more digits, or fewer.
    fn of(given: &Given) -> Option<Self> {
        let (node, seconds) = (given.node, given.time / SECOND);
        SECONDS.contains(&seconds).then(|| Self {
            node,
            seconds,
            text: format!("{}-{seconds}", node.as_str()),
        })
    }

    /// What an id says that begins so.
    fn read(&self, id: &[u8]) -> Option<Given> {
        let (micros, rest) = id
            .strip_prefix(self.text.as_bytes())?
            .split_first_chunk::<6>()?;
        let mut within = 0;
        for byte in micros {
            within = within * 10 + digit(*byte)?;
        }
        let (number, rest) = number(rest.strip_prefix(b"-")?)?;
        rest.is_empty().then_some(Given {
            node: self.node,
            time: self.seconds * SECOND + within,
            number,
        })
    }
}

impl Given {
    /// What an id says, if a bus has given it.
    pub(crate) fn read(id: &str) -> Option<Self> {
        let id = id.as_bytes();
        READ.with_borrow_mut(|last| {
            if let Some(given) = last.as_ref().and_then(|last| last.read(id)) {
                return Some(given);
            }
            let given = Self::read_whole(id)?;
            *last = Begin::of(&given);
            Some(given)
        })
    }

    fn read_whole(id: &[u8]) -> Option<Self> {
        let (node, rest) = id.split_first_chunk()?;
        let node = Node::read(node)?;
        let (time, rest) = number(rest.strip_prefix(b"-")?)?;
        let (number, rest) = number(rest.strip_prefix(b"-")?)?;
        rest.is_empty().then_some(Self { node, time, number })
    }

    /// Writes it; to make a text of its own for each would be one more piece of memory.
    pub(crate) fn written<'a>(&self, room: &'a mut IdRoom) -> &'a str {
        let mut rest = ID_MAX;
        for number in [self.number, self.time] {
            rest = write_number(&mut room.0, rest, number) - 1;
            room.0[rest] = b'-';
        }
        let begin = rest.saturating_sub(NODE_LENGTH);
        room.0[begin..rest].copy_from_slice(&self.node.0);
        std::str::from_utf8(&room.0[begin..]).unwrap_or_default()
    }

    /// Writes it behind a text.
    pub(crate) fn push_to(&self, text: &mut String) {
        let (seconds, within) = (self.time / SECOND, self.time % SECOND);
        let begun = WRITTEN.with_borrow_mut(|last| {
            let is_same = |one: &&mut Begin| one.seconds == seconds && one.node == self.node;
            let begin = match last.as_mut().filter(is_same) {
                Some(begin) => begin,
                None => last.insert(Begin::of(self)?),
            };
            text.push_str(&begin.text);
            Some(())
        });
        let mut room = IdRoom::default();
        if begun.is_none() {
            text.push_str(self.written(&mut room));
            return;
        }
        let end = write_number(&mut room.0, ID_MAX, self.number) - 1;
        // With the noughts before it.
        let begin = write_number(&mut room.0, end, SECOND + within) + 1;
        room.0[end] = b'-';
        text.push_str(std::str::from_utf8(&room.0[begin..]).unwrap_or_default());
    }
}

/// Writes a number so that it ends at a place; where it begins.
fn write_number(room: &mut [u8; ID_MAX], end: usize, number: u64) -> usize {
    let (mut at, mut left) = (end, number);
    while 10 <= left {
        let pair = 2 * usize::try_from(left % 100).unwrap_or_default();
        at -= 2;
        room[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
        left /= 100;
    }
    if 0 < left || number == 0 {
        at -= 1;
        room[at] = b'0' + u8::try_from(left).unwrap_or_default();
    }
    at
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

fn digit(byte: u8) -> Option<u64> {
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then(|| u64::from(digit))
}

/// A number as a bus writes it, and what follows.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut length) = (0_u64, 0);
    for digit in text.iter().map_while(|byte| digit(*byte)) {
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
    fn of(content_type: &str, given: Given) -> Option<Self> {
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
pub(crate) fn keep(content_type: &str) -> &'static str {
    let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = kept.get(content_type) {
        return kept;
    }
    let new = Box::leak(content_type.into());
    kept.insert(new);
    new
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
            let mut behind = "id: ".to_owned();
            given.push_to(&mut behind);
            assert_eq!(behind, format!("id: {text}"));
        }
    }

    #[test]
    fn ids_of_one_second_are_told_apart() {
        let (one, other) = (Node::new(), Node::new());
        let second = 1_700_000_000_000_000;
        let end = 10_000_000_000_000_000;
        let times = [0, 7, 999_999, 1_000_000].map(|time| second + time);
        let odd = [0, 999_999, 999_999_999_999_999, end - 1, end];
        for time in times.into_iter().chain(odd) {
            for node in [one, other] {
                let given = Given {
                    node,
                    time,
                    number: 12,
                };
                let mut text = String::new();
                given.push_to(&mut text);
                assert_eq!(text, given.to_string());
                assert_eq!(Given::read(&text), Some(given));
            }
        }
        let begun = format!("{}-1700000000", one.as_str());
        for odd in [
            "",
            "00000",
            "00000-7",
            "00000x-7",
            "0000000",
            "000000-",
            "000000-07",
        ] {
            // It may still be read as a time of another length.
            let read = Given::read(&format!("{begun}{odd}"));
            let short = (odd == "00000-7").then_some(170_000_000_000_000_u64);
            assert_eq!(read.map(|given| given.time), short, "{odd}");
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
