//! Signals are taken out of a pack, which may come from anybody.

use std::{fmt, mem, ops::Range};

use signal_bus::transport::{Message, header};

use super::{
    BEFORE, CONTENT_TYPE, COUNT, COUNT_MAX, FAULT, HEADERS_MAX, VERSIONED, block, missing::Before,
    number::Rest,
};

/// The shortest signal: four numbers.
const SIGNAL_MIN: usize = 4;

/// Whether a message says that it is a pack.
pub(crate) fn is_one(message: &Message) -> bool {
    let content_type = message.headers.get(header::CONTENT_TYPE);
    let parameters = content_type.and_then(|text| text.strip_prefix(CONTENT_TYPE));
    parameters.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
}

/// Puts the signals of a message behind others, with what they take: those of a pack, or the one that it is.
///
/// Says what went before a pack, if that is known. Of a pack that is wrong in any place none is taken. It is a message that nobody can read, and says why.
pub(crate) fn open(
    message: Message,
    size: usize,
    into: &mut Vec<(Message, usize)>,
) -> Option<Before> {
    if !is_one(&message) {
        into.push((message, size));
        return None;
    }
    let before = into.len();
    if let Err(fault) = unpack(&message, into) {
        into.truncate(before);
        let topic = &*message.topic;
        tracing::warn!(topic, "a pack of signals cannot be read: {fault}");
        let headers = message.headers.clone().with(FAULT, fault.to_string());
        into.push((Message::new(message.topic, message.payload, headers), size));
        return None;
    }
    message.headers.get(BEFORE)?.parse().ok()
}

/// What is wrong with a pack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    Version,
    Count,
    /// The number of a signal, and what is wrong there.
    Signal(usize, &'static str),
    /// More follows than was said.
    Rest,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => write!(f, "it is not of version 1"),
            Self::Count => write!(f, "`{COUNT}` says no number that could be true"),
            Self::Signal(number, what) => write!(f, "{what}, of signal {number}"),
            Self::Rest => write!(f, "bytes follow the last signal"),
        }
    }
}

fn unpack(pack: &Message, into: &mut Vec<(Message, usize)>) -> Result<(), Fault> {
    if pack.headers.get(header::CONTENT_TYPE) != Some(VERSIONED) {
        return Err(Fault::Version);
    }
    let count = pack.headers.get(COUNT).and_then(|text| text.parse().ok());
    let possible = 1..=COUNT_MAX.min(pack.payload.len() / SIGNAL_MIN);
    let count: usize = count
        .filter(|count| possible.contains(count))
        .ok_or(Fault::Count)?;
    let mut reader = Reader {
        rest: Rest::of(&pack.payload),
        block: Vec::new(),
        scratch: Vec::new(),
        headers: 0,
    };
    into.reserve(count);
    let part = pack.payload.len().div_ceil(count);
    for number in 1..=count {
        let fault = |what| Fault::Signal(number, what);
        reader.headers().map_err(fault)?;
        let headers = block::read(&reader.block).ok_or_else(|| fault("the headers are none"))?;
        let payload = reader
            .payload()
            .ok_or_else(|| fault("the payload is cut off"))?;
        // Each keeps the whole pack, so it counts for its part at least.
        let own = pack.topic.len() + reader.block.len() + payload.len();
        let size = own.max(part);
        let topic = pack.topic.clone();
        into.push((
            Message::new(topic, pack.payload.slice(payload), headers),
            size,
        ));
    }
    match reader.rest.is_empty() {
        true => Ok(()),
        false => Err(Fault::Rest),
    }
}

struct Reader<'a> {
    rest: Rest<'a>,
    /// The headers of the signal that was read last.
    block: Vec<u8>,
    scratch: Vec<u8>,
    /// How large the headers of all were so far.
    headers: usize,
}

impl Reader<'_> {
    /// Reads the headers of the next signal.
    fn headers(&mut self) -> Result<(), &'static str> {
        let read = (self.rest.number(), self.rest.number(), self.rest.bytes());
        let (Some(begin), Some(end), Some(middle)) = read else {
            return Err("the headers are cut off");
        };
        let Some(end) = self.block.len().checked_sub(end) else {
            return Err("the headers end as none before");
        };
        if end < begin {
            return Err("the headers begin as none before");
        }
        let length = begin + middle.len() + self.block.len() - end;
        self.headers += length;
        if HEADERS_MAX < self.headers {
            return Err("the headers are too much for a pack");
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.block[..begin]);
        self.scratch.extend_from_slice(middle);
        self.scratch.extend_from_slice(&self.block[end..]);
        mem::swap(&mut self.block, &mut self.scratch);
        Ok(())
    }

    /// Where the payload of the signal is.
    fn payload(&mut self) -> Option<Range<usize>> {
        let length = self.rest.bytes()?.len();
        let end = self.rest.at();
        Some(end - length..end)
    }
}
