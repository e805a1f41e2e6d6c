//! Points in time that always exist, and waits that differ at random.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::Instant;

/// A point in time; one beyond what the clock can name is far enough away.
pub(crate) fn later(from: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    from.checked_add(wait.min(FAR)).unwrap_or(from)
}

/// A random part of `most`. The standard library seeds each `RandomState` anew, which is random enough here.
pub(crate) fn jitter(most: Duration) -> Duration {
    if most.is_zero() {
        return most;
    }
    let nanoseconds = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(RandomState::new().hash_one(0) % nanoseconds)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::jitter;

    #[test]
    fn jitter_stays_below_its_bound_and_varies() {
        let most = Duration::from_millis(50);
        let values: Vec<_> = (0..100).map(|_| jitter(most)).collect();
        assert!(values.iter().all(|value| *value < most));
        assert!(values.windows(2).any(|pair| pair[0] != pair[1]));
        assert_eq!(jitter(Duration::ZERO), Duration::ZERO);
    }
}
