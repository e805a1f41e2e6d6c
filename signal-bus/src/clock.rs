//! Points in time that always exist, the time of day at the price of a glance, and waits that differ at random.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

/// A point in time; one beyond what the clock can name is far enough away.
pub(crate) fn later(from: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    from.checked_add(wait.min(FAR)).unwrap_or(from)
}

/// The system's time as of its last tick, which is some milliseconds ago at most; cheaper to compare than to turn into a time.
///
/// Linux tells that several times faster than the time itself; elsewhere it is the time itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tick(
    #[cfg(target_os = "linux")] rustix::time::Timespec,
    #[cfg(not(target_os = "linux"))] SystemTime,
);

impl Tick {
    #[inline]
    pub(crate) fn last() -> Self {
        #[cfg(target_os = "linux")]
        {
            use rustix::time::{ClockId, clock_gettime};

            Self(clock_gettime(ClockId::RealtimeCoarse))
        }
        #[cfg(not(target_os = "linux"))]
        Self(SystemTime::now())
    }

    pub(crate) fn time(self) -> SystemTime {
        #[cfg(target_os = "linux")]
        {
            let seconds = u64::try_from(self.0.tv_sec).unwrap_or_default();
            let nanoseconds = u32::try_from(self.0.tv_nsec).unwrap_or_default();
            SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
        }
        #[cfg(not(target_os = "linux"))]
        self.0
    }
}

/// A random part of `most`. The standard library seeds each `RandomState` anew, which is random enough here.
pub(crate) fn jitter(most: Duration) -> Duration {
    if most.is_zero() {
        return most;
    }
    let nanoseconds = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(RandomState::new().hash_one(0) % nanoseconds)
}

/// What a wait may last after `steps` others: each is `factor` times as long as the one before, up to `cap`.
pub(crate) fn grown(base: Duration, factor: f64, steps: u32, cap: Duration) -> Duration {
    let grown = base.as_secs_f64() * factor.powf(f64::from(steps));
    // Beyond what a duration can count it is not a number of seconds any more.
    Duration::try_from_secs_f64(grown).map_or(cap, |grown| grown.min(cap))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Tick, grown, jitter};

    #[test]
    fn the_last_tick_is_not_long_ago() {
        let (before, tick) = (SystemTime::now(), Tick::last().time());
        assert!(tick <= SystemTime::now());
        assert!(before.duration_since(tick).unwrap_or_default() < Duration::from_secs(1));
    }

    #[test]
    fn jitter_stays_below_its_bound_and_varies() {
        let most = Duration::from_millis(50);
        let values: Vec<_> = (0..100).map(|_| jitter(most)).collect();
        assert!(values.iter().all(|value| *value < most));
        assert!(values.windows(2).any(|pair| pair[0] != pair[1]));
        assert_eq!(jitter(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn waits_grow_up_to_their_cap() {
        let (base, cap) = (Duration::from_millis(100), Duration::from_secs(30));
        let waits: Vec<_> = [0, 1, 2, 8, 9, u32::MAX]
            .map(|steps| grown(base, 2.0, steps, cap).as_millis())
            .into();
        assert_eq!(waits, [100, 200, 400, 25_600, 30_000, 30_000]);
        assert_eq!(grown(base, 1.0, u32::MAX, cap), base);
    }
}
