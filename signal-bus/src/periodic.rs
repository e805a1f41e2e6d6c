//! The clock's calls: one loop, not generic, for all periodic functions.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{self, Instant};

use crate::{
    error::Failure,
    guarded::{Guarded, discard},
    observe::At,
    queue::Inside,
    registry::periodic::{Missed, Periodic, Schedule},
    scope::{Scope, running::Running},
};

/// Runs a periodic function until the bus is asked to close.
///
/// A function without `after` is owed its first run, which the exchange counts as outstanding from the start: so it
/// runs also in a bus that is closed at once.
pub(crate) async fn tick(running: Arc<Running>, index: usize, periodic: Periodic) {
    let mut due = Instant::now();
    if let Some(delay) = periodic.after {
        due = later(due, delay.saturating_add(jitter(periodic.jitter)));
        if !begins(&running, due).await {
            return;
        }
    }
    loop {
        run(&running, index, &periodic).await;
        running.exchange.end_run();
        due = next(&periodic, due, Instant::now());
        if !begins(&running, later(due, jitter(periodic.jitter))).await {
            return;
        }
    }
}

/// Waits for the next run; `false` if the close came first.
async fn begins(running: &Running, due: Instant) -> bool {
    tokio::select! {
        biased;
        () = running.ending.requested() => false,
        () = time::sleep_until(due) => running.exchange.begin_run(),
    }
}

async fn run(running: &Arc<Running>, index: usize, periodic: &Periodic) {
    running.observe.periodic_runs.add(1);
    let mark = &running.periodics[index];
    mark.runs.store(true, Ordering::Relaxed);
    let scope = Scope::new(Arc::clone(running), Some(Inside::Run));
    let outcome = scope.run(Guarded::run(periodic.run)).await;
    if let Err(failure) = outcome.unwrap_or_else(|panic| Err(Failure::Panicked(panic))) {
        running.observe.failed(&At::site(periodic.site), &failure);
        discard(failure);
    }
    mark.runs.store(false, Ordering::Relaxed);
}

/// When the next run is due, if the last was due at `due` and has ended `now`.
fn next(periodic: &Periodic, due: Instant, now: Instant) -> Instant {
    let Schedule::Every(period) = periodic.schedule else {
        return later(now, Duration::MAX);
    };
    match periodic.fixed_rate {
        None => later(now, period),
        Some(Missed::Burst) => later(due, period),
        Some(Missed::Delay) => later(due, period).max(now),
        Some(Missed::Skip) => {
            let next = later(due, period);
            if now <= next {
                return next;
            }
            let late = now.duration_since(due).as_nanos();
            let missed = late % period.as_nanos().max(1);
            let wait = period.as_nanos() - missed;
            later(
                now,
                Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX)),
            )
        }
    }
}

/// A point in time; one beyond what the clock can name is far enough away.
fn later(from: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    from.checked_add(wait.min(FAR)).unwrap_or(from)
}

/// A random part of `most`. The standard library seeds each `RandomState` anew, which is random enough here.
fn jitter(most: Duration) -> Duration {
    if most.is_zero() {
        return most;
    }
    let nanoseconds = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(RandomState::new().hash_one(0) % nanoseconds)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{jitter, next};
    use crate::{
        registry::periodic::{Missed, Periodic},
        site::Site,
    };

    fn periodic() -> Periodic {
        let site = Site::new("f", "m", "f.rs", 1);
        Periodic::new(site, Duration::from_secs(10), || Box::pin(async { Ok(()) }))
    }

    #[test]
    fn late_runs_are_skipped_made_up_for_or_delayed() {
        let due = Instant::now();
        let seconds = |seconds| due + Duration::from_secs(seconds);
        let cases = [
            (None, 3, 13),
            (Some(Missed::Skip), 3, 10),
            (Some(Missed::Skip), 34, 40),
            (Some(Missed::Burst), 34, 10),
            (Some(Missed::Delay), 34, 34),
            (Some(Missed::Delay), 3, 10),
        ];
        for (fixed_rate, now, expected) in cases {
            let periodic = Periodic {
                fixed_rate,
                ..periodic()
            };
            let next = next(&periodic, due, seconds(now));
            assert_eq!(next, seconds(expected), "{fixed_rate:?} {now}");
        }
    }

    #[test]
    fn jitter_stays_below_its_bound_and_varies() {
        let most = Duration::from_millis(50);
        let values: Vec<_> = (0..100).map(|_| jitter(most)).collect();
        assert!(values.iter().all(|value| *value < most));
        assert!(values.windows(2).any(|pair| pair[0] != pair[1]));
        assert_eq!(jitter(Duration::ZERO), Duration::ZERO);
    }
}
