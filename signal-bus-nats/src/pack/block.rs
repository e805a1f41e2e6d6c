//! The headers of a signal as one piece, and what two such pieces have in common.

use signal_bus::{Headers, transport::header};

use super::number::{Rest, put_bytes};
use crate::wire::NATS_MSG_ID;

/// So many bytes are compared at once.
const STRIDE: usize = 16;
/// As many headers as a signal mostly has, and more.
const FEW: usize = 8;

/// Appends headers: of each the name and the text. The id has the name that it has in a message of its own.
pub(super) fn put(block: &mut Vec<u8>, headers: &Headers) {
    for (name, text) in headers.iter() {
        let name = match name {
            header::ID => NATS_MSG_ID,
            _ => name,
        };
        put_bytes(block, name.as_bytes());
        put_bytes(block, text.as_bytes());
    }
}

/// What a block says; `None` if it is none that could come in a message of its own.
pub(super) fn read(block: &[u8]) -> Option<Headers> {
    let mut rest = Rest::of(block);
    // Mostly the lengths are short, so that it is a text as a whole, which is looked at once.
    let whole = str::from_utf8(block).ok();
    let (mut few, mut many) = ([("", ""); FEW], Vec::new());
    let mut count = 0;
    while !rest.is_empty() {
        let header = next(&mut rest, whole)?;
        match few.get_mut(count) {
            Some(place) => *place = header,
            None => many.push(header),
        }
        count += 1;
    }
    let few = few.iter().take(count).copied();
    Some(few.chain(many).collect())
}

/// The next header: a name, and a text of one line.
fn next<'a>(rest: &mut Rest<'a>, whole: Option<&'a str>) -> Option<(&'a str, &'a str)> {
    let mut text = || {
        let bytes = rest.bytes()?;
        match whole {
            Some(whole) => whole.get(rest.at() - bytes.len()..rest.at()),
            None => str::from_utf8(bytes).ok(),
        }
    };
    let (name, text) = (text()?, text()?);
    let odd = |byte: u8| !byte.is_ascii_graphic() || byte == b':';
    if name.is_empty() || name.bytes().any(odd) || breaks(text) {
        return None;
    }
    match name {
        NATS_MSG_ID => Some((header::ID, text)),
        _ => Some((name, text)),
    }
}

/// Whether a text has the end of a line in it. All of it is looked at, which is quicker than to stop.
fn breaks(text: &str) -> bool {
    let ends = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
    text.bytes().fold(false, |found, byte| found | ends(byte))
}

/// With how many bytes two blocks begin, and with how many others they end, that are the same.
pub(super) fn common(one: &[u8], other: &[u8]) -> (usize, usize) {
    let begin = alike(one, other);
    let (one, other) = (&one[begin..], &other[begin..]);
    let ends = one.iter().rev().zip(other.iter().rev());
    (begin, ends.take_while(|(one, other)| one == other).count())
}

/// With how many bytes both begin.
fn alike(one: &[u8], other: &[u8]) -> usize {
    let strides = one.chunks_exact(STRIDE).zip(other.chunks_exact(STRIDE));
    let begin = STRIDE * strides.take_while(|(one, other)| one == other).count();
    let rest = one[begin..].iter().zip(&other[begin..]);
    begin + rest.take_while(|(one, other)| one == other).count()
}
