//! Times, counted by their length.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use crate::report::latency::{BUCKETS, Latency, bucket};

/// A count beyond this halves all counts, so that none can overflow.
const COUNT_MAX: u32 = 1 << 31;
/// So many signals are counted at once at most, so that there is room for those who count at the same time.
const WEIGHT_MAX: u32 = COUNT_MAX / 16;

/// Counts times by their length, in a memory that does not grow.
pub(super) struct Histogram {
    counts: [AtomicU32; BUCKETS],
    /// In nanoseconds.
    max: AtomicU64,
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Histogram({:?})", self.latency())
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU32::new(0) }; BUCKETS],
            max: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// Counts a time that several signals have shared, and others that count as long as each of them.
    pub(super) fn share(&self, time: Duration, signals: u64, others: u64) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let each = nanoseconds / signals;
        // To look costs less than to change.
        if self.max.load(Ordering::Relaxed) < each {
            self.max.fetch_max(each, Ordering::Relaxed);
        }
        let more = weight(signals) + weight(others);
        let count = &self.counts[bucket(each)];
        if COUNT_MAX
            < count
                .fetch_add(more, Ordering::Relaxed)
                .saturating_add(more)
        {
            self.halve();
        }
    }

    fn halve(&self) {
        for count in &self.counts {
            let half = |count| Some(count / 2);
            count
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, half)
                .ok();
        }
    }

    pub(super) fn latency(&self) -> Option<Latency> {
        let counts = self.counts.each_ref();
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        Latency::new(
            counts,
            Duration::from_nanos(self.max.load(Ordering::Relaxed)),
        )
    }
}

/// A number of signals as it is counted.
pub(super) fn weight(signals: u64) -> u32 {
    u32::try_from(signals).map_or(WEIGHT_MAX, |signals| signals.min(WEIGHT_MAX))
}
