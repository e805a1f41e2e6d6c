//! What tells signals of one bus apart.

use std::{fmt, num::NonZeroU64};

/// Identifies a signal in its bus; of two signals of one topic, the later has the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalId(NonZeroU64);

impl SignalId {
    /// The id before any signal was admitted; replaced on admission.
    pub(crate) const UNSET: Self = Self(NonZeroU64::MIN);

    /// The id that follows.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    #[inline]
    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }

    /// The id of a number that was one.
    pub(crate) fn numbered(number: u64) -> Self {
        NonZeroU64::new(number).map_or(Self::UNSET, Self)
    }
}

impl fmt::Display for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Debug for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
