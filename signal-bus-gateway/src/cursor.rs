//! The name of an event, by which a reader goes on after it.

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
};

const SEQUENCE_BITS: u32 = 62;
const EPOCH_BITS: u32 = 60;

/// A place in the row of all events, written as a UUID (version 8).
///
/// Clients of PyPubSub take any text of 36 characters for a cursor. This one carries the number of the event, so that it is found
/// at once, and the epoch in which numbers are counted, so that a number of another row means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) epoch: Epoch,
    pub(crate) sequence: u64,
}

/// A row of events: it lives as long as the backlog that keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

impl Epoch {
    /// An epoch that hardly any other one is equal to.
    pub(crate) fn random() -> Self {
        // The standard library draws the keys of its hashers at random; that is all that is needed here.
        let bits = RandomState::new().build_hasher().finish();
        Self::from_bits(bits)
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << EPOCH_BITS) - 1))
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

impl Cursor {
    /// Reads a cursor as [`Display`](fmt::Display) writes it; nothing else is one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let is_in_form = text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
        if !is_in_form {
            return None;
        }
        let hex: String = text.split('-').collect();
        let bits = u128::from_str_radix(&hex, 16).ok()?;
        let low = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).ok();
        let high = low(bits >> 64)?;
        let cursor = Self {
            epoch: Epoch((high >> 16 << 12) | (high & 0xfff)),
            sequence: low(bits)? & ((1 << SEQUENCE_BITS) - 1),
        };
        // Only what we write comes from us: this looks at version, variant and case, too.
        (cursor.to_string() == text).then_some(cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = self.epoch.0;
        let (first, version) = (epoch >> 12, 0x8000 | epoch & 0xfff);
        let last = 1 << 63 | self.sequence;
        let (group, node) = (last >> 48, last & 0xffff_ffff_ffff);
        let (start, middle) = (first >> 16, first & 0xffff);
        write!(
            f,
            "{start:08x}-{middle:04x}-{version:04x}-{group:04x}-{node:012x}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Epoch};

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for sequence in [0, 1, 12345, (1 << 62) - 1] {
            let cursor = Cursor {
                epoch: Epoch::random(),
                sequence,
            };
            let text = cursor.to_string();
            assert_eq!(text.len(), 36);
            assert_eq!(Cursor::read(&text), Some(cursor), "{text}");
        }
    }

    #[test]
    fn what_we_did_not_write_is_no_cursor() {
        let ours = Cursor {
            epoch: Epoch::from_bits(0xabc_def0_1234_5678),
            sequence: 7,
        };
        let ours = ours.to_string();
        assert_eq!(ours, "abcdef01-2345-8678-8000-000000000007");
        for text in [
            "",
            "x",
            "54611994-22c3-4c85-ac2e-d93ff4b0f369",
            &ours.to_uppercase(),
            &ours.replace('-', ""),
            &ours[1..],
            "abcdef01-2345-8678-+000-000000000007",
            "éabcdef01-2345-8678-8000-0000000000",
        ] {
            assert_eq!(Cursor::read(text), None, "{text}");
        }
    }
}
