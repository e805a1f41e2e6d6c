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

/// A time of the system, in nanoseconds since 1970: cheaper to compare than to turn into a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(crate) struct Tick(i64);

/// The longest time between two ticks of a Linux, in nanoseconds.
const LONGEST: i64 = 10_000_000;

impl Tick {
    /// Whether a time is as good as now, where this is the last tick: the clock has not ticked since.
    #[inline]
    pub(crate) fn is_before(self, time: Self) -> bool {
        // One that lies further ahead was told before somebody set the clock back.
        (0..LONGEST).contains(&time.0.wrapping_sub(self.0))
    }

    /// The time of the clock's last tick, which is some milliseconds ago at most.
    ///
    /// Linux tells that several times faster than the time itself; elsewhere it is the time itself.
    #[inline]
    pub(crate) fn last() -> Self {
        #[cfg(target_os = "linux")]
        {
            Self::read(rustix::time::ClockId::RealtimeCoarse)
        }
        #[cfg(not(target_os = "linux"))]
        Self::now()
    }

    pub(crate) fn now() -> Self {
        #[cfg(target_os = "linux")]
        {
            Self::read(rustix::time::ClockId::Realtime)
        }
        #[cfg(not(target_os = "linux"))]
        Self::of(SystemTime::now())
    }

    #[cfg(target_os = "linux")]
    #[inline]
    fn read(clock: rustix::time::ClockId) -> Self {
        const SECOND: i64 = 1_000_000_000;
        let time = rustix::time::clock_gettime(clock);
        let part = u32::try_from(time.tv_nsec).unwrap_or_default();
        Self(time.tv_sec.wrapping_mul(SECOND).wrapping_add(part.into()))
    }

    /// What nobody can count in nanoseconds is as early, or as late, as can be.
    pub(crate) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.map_or(0, |since| since.as_nanos());
        Self(i64::try_from(since).unwrap_or(i64::MAX))
    }

    #[cfg(feature = "transport")]
    pub(crate) fn nanoseconds(self) -> i64 {
        self.0
    }

    pub(crate) fn time(self) -> SystemTime {
        let since = u64::try_from(self.0).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_nanos(since)
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
    fn a_time_is_as_good_as_now_until_the_clock_has_ticked() {
        let tick = Tick(5_000_000);
        assert!(tick.is_before(tick) && tick.is_before(Tick(8_000_000)));
        assert!(!tick.is_before(Tick(4_999_999)), "it has ticked since");
        assert!(!tick.is_before(Tick(15_000_000)), "it was set back");
        assert!(!tick.is_before(Tick(i64::MIN)) && !tick.is_before(Tick(i64::MAX)));
    }

    #[test]
    fn a_tick_is_a_time_and_comes_in_its_order() {
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
        assert_eq!(Tick::of(time).time(), time);
        assert!(Tick::of(time) < Tick::of(time + Duration::from_nanos(1)));
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Tick::of(before).time(), SystemTime::UNIX_EPOCH);
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
