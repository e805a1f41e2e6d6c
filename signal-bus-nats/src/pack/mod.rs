//! Packs: several signals of one subject in one message of NATS. README.md says how they are written.

mod number;
mod block;
mod writing;
mod reading;
mod missing;

use async_nats::{HeaderMap, header::HeaderName};
use signal_bus::transport::header;

use missing::Before;

pub(crate) use missing::{Came, Sent};
pub(crate) use reading::{is_one, open};
pub(crate) use writing::{Writer, reach};

/// What a pack is called in the header `Content-Type`.
const CONTENT_TYPE: &str = "application/vnd.signal-bus.pack";
/// The same with the version that is written, and the only one that is read.
const VERSIONED: &str = "application/vnd.signal-bus.pack; version=1";
/// How many signals are in a pack.
const COUNT: &str = "Signal-Count";
/// How many signals the sender had published on this subject when it wrote a pack.
const BEFORE: &str = "Signal-Before";
/// In a dead letter: why a pack could not be read.
const FAULT: &str = "Signal-Pack-Fault";

/// The names of a pack's headers, which need no memory of their own.
const NAMES: [HeaderName; 3] = [
    HeaderName::from_static(header::CONTENT_TYPE),
    HeaderName::from_static(COUNT),
    HeaderName::from_static(BEFORE),
];

/// The headers of a pack of so many signals, which follow on others.
pub(crate) fn headers(count: usize, before: Before) -> HeaderMap {
    let [content_type, count_of, number] = NAMES;
    let mut headers = HeaderMap::new();
    headers.insert(content_type, VERSIONED);
    headers.insert(count_of, count.to_string());
    headers.insert(number, before.to_string());
    headers
}

/// How large the headers of a pack are at most.
pub(crate) const FRAME: usize = 160;
/// Signals in a pack at most, whoever writes it.
const COUNT_MAX: usize = 16_384;
/// How large the headers of a pack's signals are at most, each in full: a pack is small, and could make much of itself.
const HEADERS_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;
