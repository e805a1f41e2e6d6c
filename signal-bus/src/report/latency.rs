//! How long a handler takes, as a histogram.
//!
//! The buckets grow with what they count: four to each doubling, from 128 ns to 137 s. So a bucket is at most a quarter wider
//! than the time it begins with, and the whole range is 122 counts.

use std::{fmt, sync::Arc, time::Duration};

/// How many buckets there are.
pub(crate) const BUCKETS: usize = 2 + OCTAVES * PARTS;
/// Doublings of the shortest time that is told apart.
const OCTAVES: usize = 30;
/// Buckets of a doubling.
const PARTS: usize = 1 << PARTS_BITS;
const PARTS_BITS: u32 = 2;
/// The binary logarithm of the shortest time that is told apart, in nanoseconds.
const LOWEST_BITS: u32 = 7;

/// The bucket of a time in nanoseconds.
pub(crate) fn bucket(nanoseconds: u64) -> usize {
    let Some(octave) = nanoseconds
        .checked_ilog2()
        .and_then(|bits| bits.checked_sub(LOWEST_BITS))
    else {
        return 0;
    };
    let part = (nanoseconds >> (octave + LOWEST_BITS - PARTS_BITS)) & (PARTS as u64 - 1);
    let bucket = 1 + octave as usize * PARTS + usize::try_from(part).unwrap_or_default();
    bucket.min(BUCKETS - 1)
}

/// Where a bucket ends; the last one does not.
fn end(bucket: usize) -> Duration {
    if bucket == BUCKETS - 1 {
        return Duration::MAX;
    }
    let (octave, part) = (bucket / PARTS, bucket % PARTS);
    let nanoseconds =
        (PARTS as u64 + part as u64) << (octave as u64 + u64::from(LOWEST_BITS - PARTS_BITS));
    Duration::from_nanos(nanoseconds)
}

/// How long the handler of a subscription takes for a signal, or for a batch: a histogram.
///
/// To look at the clock for each signal would cost more than to deliver it, so the bus looks now and then: for each call whose
/// handler waits for something, from the second one in a row on, and for one in sixteen of those that never wait. A handler that
/// takes its signals one after the other is called with up to 128 of them at once, and they share the time equally unless it
/// waits between them. Each signal counts once: those that were not timed count as the next that were timed and did not wait
/// either. So a mean is right, and the slowest of many signals that never wait may hide among the others of its run.
///
/// Attempts of a [`Retry`](crate::Retry) count each by itself, without the waits between them. A quantile is at most a
/// quarter too long, and never too short.
///
/// Displayed as `p50 1.25ms, p99 3.50ms, max 3.81ms`.
#[derive(Clone, PartialEq, Eq)]
pub struct Latency {
    counts: Arc<[u32; BUCKETS]>,
    max: Duration,
}

impl Latency {
    /// What was counted so; `None` if that is nothing.
    pub(crate) fn new(counts: [u32; BUCKETS], max: Duration) -> Option<Self> {
        let any = counts.iter().any(|count| 0 < *count);
        any.then(|| Self {
            counts: Arc::new(counts),
            max,
        })
    }

    /// Takes another one in.
    pub(crate) fn add(&mut self, other: &Self) {
        let counts = Arc::make_mut(&mut self.counts);
        for (count, more) in counts.iter_mut().zip(other.counts.iter()) {
            *count = count.saturating_add(*more);
        }
        self.max = self.max.max(other.max);
    }

    /// Half of the calls took no longer.
    #[must_use]
    pub fn p50(&self) -> Duration {
        self.quantile(0.5)
    }

    /// 99 of 100 calls took no longer.
    #[must_use]
    pub fn p99(&self) -> Duration {
        self.quantile(0.99)
    }

    /// The longest time that was measured.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The time that this part of the calls did not exceed, from 0 to 1: `quantile(0.999)`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a float is cast to the nearest number there is"
    )]
    pub fn quantile(&self, part: f64) -> Duration {
        let rank = (self.count() as f64 * part).ceil() as u64;
        let mut passed = 0;
        for (end, count) in self.buckets() {
            passed += count;
            if rank.max(1) <= passed {
                return end.min(self.max);
            }
        }
        self.max
    }

    /// How many calls are counted. Beyond two thousand million of one length all counts are halved, so it may be fewer than
    /// there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets().map(|(_, count)| count).sum()
    }

    /// How many calls took so long, for exporters: each bucket that is not empty, with the time it ends with; they are sorted
    /// by that. The last one of all, from 137 s on, ends with [`Duration::MAX`].
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let buckets = self.counts.iter().enumerate();
        let counted = buckets.filter(|(_, count)| 0 < **count);
        counted.map(|(bucket, count)| (end(bucket), u64::from(*count)))
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, max) = (self.p50(), self.p99(), self.max);
        write!(f, "p50 {p50:.2?}, p99 {p99:.2?}, max {max:.2?}")
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Latency({self} of {})", self.count())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BUCKETS, Latency, bucket, end};

    #[test]
    fn a_bucket_holds_what_is_less_than_its_end() {
        for at in 0..BUCKETS - 1 {
            let end = u64::try_from(end(at).as_nanos()).unwrap();
            assert_eq!(bucket(end - 1), at, "{end}");
            assert_eq!(bucket(end), at + 1, "{end}");
        }
        assert_eq!((bucket(0), bucket(127), bucket(128)), (0, 0, 1));
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(end(BUCKETS - 2), Duration::from_nanos(1 << 37));
    }

    #[test]
    fn quantiles_are_never_too_short_and_at_most_a_quarter_too_long() {
        let mut counts = [0; BUCKETS];
        for microseconds in 1..=1000_u64 {
            counts[bucket(microseconds * 1000)] += 1;
        }
        let latency = Latency::new(counts, Duration::from_millis(1)).unwrap();
        assert_eq!(latency.count(), 1000);
        for (part, right) in [(0.001, 1), (0.5, 500), (0.99, 990), (1.0, 1000)] {
            let right = Duration::from_micros(right);
            let found = latency.quantile(part);
            assert!(
                right <= found && found <= right * 5 / 4,
                "{part}: {found:?}"
            );
        }
        assert_eq!(latency.max(), Duration::from_millis(1));
        assert!(Latency::new([0; BUCKETS], Duration::ZERO).is_none());
    }

    #[test]
    fn two_of_them_add_up() {
        let one = |millis: u64| {
            let mut counts = [0; BUCKETS];
            counts[bucket(millis * 1_000_000)] = 1;
            Latency::new(counts, Duration::from_millis(millis)).unwrap()
        };
        let mut both = one(1);
        both.add(&one(8));
        assert_eq!((both.count(), both.max()), (2, Duration::from_millis(8)));
        assert!(both.p50() < Duration::from_millis(2));
        assert_eq!(both.to_string(), "p50 1.05ms, p99 8.00ms, max 8.00ms");
    }
}
