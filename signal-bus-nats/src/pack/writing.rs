//! Signals are written one behind the other.

use std::mem;

use signal_bus::transport::Message;

use super::{
    COUNT_MAX, HEADERS_MAX, block,
    number::{put, put_bytes},
};

/// Signals that are written into a pack at most.
pub(super) const WRITTEN_MAX: usize = 1024;
/// What the lengths of a signal take at most, without those of its headers.
const LENGTHS: usize = 16;
/// What the lengths of a header take at most, and a longer name.
const HEADER_LENGTHS: usize = 10;

const _: () = assert!(WRITTEN_MAX <= COUNT_MAX);

/// How large a signal is in a pack at most.
pub(crate) fn reach(message: &Message) -> usize {
    let headers = message.headers.iter();
    let headers = headers.map(|(name, text)| name.len() + text.len() + HEADER_LENGTHS);
    LENGTHS + headers.sum::<usize>() + message.payload.len()
}

/// Writes the signals of a pack.
#[derive(Default, Debug)]
pub(crate) struct Writer {
    written: Vec<u8>,
    /// The headers of the last signal, and of the next.
    last: Vec<u8>,
    next: Vec<u8>,
    count: usize,
    /// How large the headers of all are, each in full.
    headers: usize,
}

impl Writer {
    /// Whether there is room for a signal of that [reach], in a pack of so many bytes.
    pub(crate) fn has_room(&self, reach: usize, size_max: usize) -> bool {
        self.count < WRITTEN_MAX
            && self.written.len() + reach <= size_max
            && self.headers + reach <= HEADERS_MAX
    }

    pub(crate) fn write(&mut self, message: &Message) {
        self.next.clear();
        block::put(&mut self.next, &message.headers);
        let (begin, end) = block::common(&self.last, &self.next);
        put(&mut self.written, begin);
        put(&mut self.written, end);
        put_bytes(&mut self.written, &self.next[begin..self.next.len() - end]);
        put_bytes(&mut self.written, &message.payload);
        self.count += 1;
        self.headers += self.next.len();
        mem::swap(&mut self.last, &mut self.next);
    }

    /// What is written; the next pack begins.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.last.clear();
        (self.count, self.headers) = (0, 0);
        let room = Vec::with_capacity(self.written.len());
        mem::replace(&mut self.written, room)
    }
}
