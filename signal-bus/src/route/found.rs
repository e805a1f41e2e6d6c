//! What was found out of a topic in one generation, in a number that is read without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::queue::{lane::Lane, log::LogId};

/// Nobody hears it, and nothing is kept of it.
const SILENT: u64 = 1;
/// It is heard, and each publish has to look how.
const HEARD: u64 = 2;
/// It travels, and nobody hears it here.
const LEAVES: u64 = 3;
/// It has a lane: to the log of the number that is added.
const LANE: u64 = 4;
/// Bits that say what was found; those above are of the generation.
const WHAT_BITS: u32 = 24;
const WHAT: u64 = (1 << WHAT_BITS) - 1;

/// How the signals of a topic are published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// It has to be found out each time.
    Unknown,
    /// Nobody hears them, and nothing is kept of them.
    Silent,
    /// A log is all there is to do with them.
    Lane(Lane),
}

/// The generation, and what was found out in it; nothing yet as long as it is 0.
#[derive(Default, Debug)]
pub(crate) struct Finding(AtomicU64);

/// A lane as it is remembered, in one word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remembered(u64);

/// What a publisher that has published finds again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Recalled {
    Silent,
    Lane(Remembered),
}

impl Remembered {
    #[inline]
    pub(crate) fn generation(self) -> u64 {
        self.0 >> WHAT_BITS
    }

    #[inline]
    pub(crate) fn lane(self) -> Option<Lane> {
        let generation = self.0 >> WHAT_BITS;
        let log = (self.0 & WHAT).checked_sub(LANE)?;
        let log = LogId::of(usize::try_from(log).ok()?)?;
        Some(Lane { generation, log })
    }
}

impl Finding {
    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Remembers that nobody hears it.
    pub(super) fn silent(&self, generation: u64) {
        self.set(generation, SILENT);
    }

    /// Remembers that it travels, and nobody hears it here.
    pub(super) fn only_leaves(&self, generation: u64) {
        self.set(generation, LEAVES);
    }

    /// Remembers that it is heard, and the log that is all there is to do with its signals, if there is one.
    pub(super) fn heard(&self, generation: u64, log: Option<LogId>) {
        let lane = log.map(|log| LANE + log.index() as u64);
        self.set(generation, lane.unwrap_or(HEARD));
    }

    /// Remembers the log that is all there is to do with its signals, or that nobody hears it.
    ///
    /// Others may look at it at the same time, so it is not written for nothing.
    pub(crate) fn learn(&self, generation: u64, log: Option<LogId>) {
        let way = log.map_or(Way::Silent, |log| Way::Lane(Lane { generation, log }));
        match log {
            _ if self.way(generation) == way => {}
            None => self.silent(generation),
            Some(_) => self.heard(generation, log),
        }
    }

    fn set(&self, generation: u64, what: u64) {
        // What has no room is found out anew each time.
        let fits = what < 1 << WHAT_BITS && generation < 1 << (u64::BITS - WHAT_BITS);
        let found = if fits {
            generation << WHAT_BITS | what
        } else {
            0
        };
        self.0.store(found, Ordering::Release);
    }

    #[inline]
    fn get(&self, generation: u64) -> Option<u64> {
        let found = self.0.load(Ordering::Acquire);
        (found >> WHAT_BITS == generation).then_some(found & WHAT)
    }

    /// Whether something was found out in this generation.
    pub(super) fn is_known(&self, generation: u64) -> bool {
        self.get(generation).is_some_and(|what| what != 0)
    }

    /// Whether anything was found out in any generation.
    pub(super) fn was_any(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }

    #[inline]
    pub(crate) fn is_silent(&self, generation: u64) -> bool {
        self.get(generation) == Some(SILENT)
    }

    /// Whether it is known that it travels, and nobody hears it here.
    #[cfg(any(feature = "transport", test))]
    pub(super) fn leaves(&self, generation: u64) -> bool {
        self.get(generation) == Some(LEAVES)
    }

    /// The lane of its signals, if that was found out in any generation.
    #[inline]
    pub(crate) fn lane(&self) -> Option<Remembered> {
        let found = self.0.load(Ordering::Acquire);
        (LANE <= found & WHAT).then_some(Remembered(found))
    }

    /// Whether nobody hears it, or the lane of its signals, if that was found out.
    #[inline]
    pub(crate) fn recall(&self, generation: u64) -> Option<Recalled> {
        let found = self.0.load(Ordering::Acquire);
        if found >> WHAT_BITS != generation {
            return None;
        }
        match found & WHAT {
            LANE.. => Some(Recalled::Lane(Remembered(found))),
            SILENT => Some(Recalled::Silent),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn way(&self, generation: u64) -> Way {
        match self.recall(generation) {
            Some(Recalled::Lane(lane)) => lane.lane().map_or(Way::Unknown, Way::Lane),
            Some(Recalled::Silent) => Way::Silent,
            None => Way::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Finding, WHAT_BITS, Way};
    use crate::queue::{lane::Lane, log::LogId};

    #[test]
    fn what_was_found_holds_in_its_generation_only() {
        let finding = Finding::default();
        assert!(!finding.is_known(0) && !finding.is_known(7));
        finding.silent(7);
        assert_eq!(finding.way(7), Way::Silent);
        assert!(finding.is_silent(7) && !finding.is_silent(8) && !finding.is_known(8));
        finding.heard(8, None);
        assert!(finding.is_known(8) && !finding.is_silent(8) && finding.way(8) == Way::Unknown);
        finding.only_leaves(9);
        assert!(finding.leaves(9) && finding.is_known(9) && finding.way(9) == Way::Unknown);
        assert!(!finding.leaves(10) && !finding.is_silent(9) && finding.lane().is_none());
        let log = LogId::of(3).unwrap();
        finding.heard(9, Some(log));
        let lane = Lane { generation: 9, log };
        assert_eq!(finding.way(9), Way::Lane(lane));
        assert_eq!(finding.way(10), Way::Unknown);
    }

    #[test]
    fn what_has_no_room_is_not_remembered() {
        let finding = Finding::default();
        finding.heard(7, LogId::of(1 << WHAT_BITS));
        assert!(!finding.is_known(7));
        finding.silent(1 << (u64::BITS - WHAT_BITS));
        assert!(!finding.is_known(1 << (u64::BITS - WHAT_BITS)) && !finding.is_known(0));
    }
}
