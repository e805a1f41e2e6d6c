//! When a periodic function is due.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::{
    clock::later,
    error::{Finding, FindingKind, StartError},
    periodic::cron::Cron,
    registry::{
        handler::HandlerFuture,
        periodic::{self, Missed, Periodic},
    },
};

/// How long a wait for a time of day may go without a look at the clock.
const LOOK_AFTER: Duration = Duration::from_secs(60);

/// When a run is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// By the runtime's clock.
    At(Instant),
    /// By the wall clock.
    Wall(SystemTime),
}

/// A periodic function, and the times it runs at.
pub(crate) struct Schedule {
    periodic: Periodic,
    times: Times,
}

enum Times {
    Every(Duration),
    Cron(Box<Cron>, WallClock),
}

impl Schedule {
    /// Reads the schedule; the error says what is wrong with a cron expression or a time zone.
    pub(crate) fn new(periodic: &Periodic) -> Result<Self, String> {
        let times = match periodic.schedule {
            periodic::Schedule::Every(period) => Times::Every(period),
            periodic::Schedule::Cron(expression, zone) => {
                let clock = WallClock::new();
                let cron = Cron::new(expression, zone)?;
                if cron.after(clock.now(Instant::now())).is_none() {
                    return Err(format!("`{expression}` names no time that will ever come"));
                }
                Times::Cron(Box::new(cron), clock)
            }
        };
        Ok(Self {
            periodic: periodic.clone(),
            times,
        })
    }

    pub(crate) fn call(&self) -> fn() -> HandlerFuture<'static> {
        self.periodic.run
    }

    pub(crate) fn jitter(&self) -> Duration {
        self.periodic.jitter
    }

    /// Whether its first run comes at once, whatever happens.
    pub(crate) fn is_owed(&self) -> bool {
        self.periodic.is_owed()
    }

    /// Whether its times do not depend on when its runs end.
    pub(crate) fn has_times(&self) -> bool {
        match self.times {
            Times::Every(_) => self.periodic.fixed_rate.is_some(),
            Times::Cron(..) => true,
        }
    }

    /// When the first run is due, if it starts `now`.
    pub(crate) fn first(&self, now: Instant) -> Due {
        match &self.times {
            Times::Every(_) => Due::At(later(now, self.periodic.after.unwrap_or_default())),
            Times::Cron(cron, clock) => {
                let now = clock.now(now);
                Due::Wall(cron.after(now).unwrap_or(now))
            }
        }
    }

    /// When what is `due` comes by the runtime's clock, if nobody sets the wall clock meanwhile.
    pub(crate) fn at(&self, due: Due, now: Instant) -> Instant {
        match (due, &self.times) {
            (Due::At(due), _) => due,
            (Due::Wall(due), Times::Cron(_, clock)) => {
                let wait = due.duration_since(clock.now(now));
                later(now, wait.unwrap_or_default())
            }
            (Due::Wall(_), Times::Every(_)) => now,
        }
    }

    /// How long to wait for what is `due`, by the runtime's clock; and whether it is due then.
    pub(crate) fn until(&self, due: Due, now: Instant) -> (Instant, bool) {
        let (at, look) = (self.at(due, now), later(now, LOOK_AFTER));
        match due {
            Due::Wall(_) if look < at => (look, false),
            Due::Wall(_) | Due::At(_) => (at, true),
        }
    }

    /// When the next run is due, if the last was due at `due` and has ended `now`; `None` if there is none.
    pub(crate) fn next(&self, due: Due, now: Instant) -> Option<Due> {
        match (&self.times, due) {
            (Times::Every(period), Due::At(due)) => {
                Some(Due::At(every(*period, self.periodic.fixed_rate, due, now)))
            }
            (Times::Cron(cron, clock), Due::Wall(due)) => {
                let now = clock.now(now);
                let next = cron.after(due)?;
                let next = match self.periodic.fixed_rate {
                    Some(Missed::Burst) => next,
                    Some(Missed::Delay) => next.max(now),
                    _ if next <= now => cron.after(now)?,
                    _ => next,
                };
                Some(Due::Wall(next))
            }
            (Times::Every(_), Due::Wall(_)) | (Times::Cron(..), Due::At(_)) => Some(due),
        }
    }
}

/// Reads the schedules of all periodic functions; all that are wrong come in one error.
pub(crate) fn schedules(periodics: &[Periodic]) -> Result<Vec<Schedule>, StartError> {
    let mut findings = Vec::new();
    let mut schedules = Vec::new();
    for periodic in periodics {
        match Schedule::new(periodic) {
            Ok(schedule) => schedules.push(schedule),
            Err(error) => {
                let finding = Finding::new(FindingKind::InvalidOption, error);
                findings.push(finding.at(periodic.site, "is to run then"));
            }
        }
    }
    if findings.is_empty() {
        Ok(schedules)
    } else {
        Err(StartError { findings })
    }
}

/// What comes of it if another bus has run it, or nobody has for a while.
#[cfg(feature = "transport")]
impl Schedule {
    /// When a first run is due that has come by while another might have made it: now, unless the time is part of the run.
    pub(crate) fn late(&self, first: Due, now: Instant) -> Due {
        match first {
            Due::At(first) => Due::At(first.max(now)),
            Due::Wall(_) => first,
        }
    }

    /// When the next run is due after one so long ago, which was for `was_due` if it was for a time of day; `first` is when this
    /// bus would have run it first if it were alone.
    pub(crate) fn resumed(
        &self,
        first: Due,
        was_due: SystemTime,
        ago: Duration,
        now: Instant,
    ) -> Option<Due> {
        match (&self.times, first) {
            (Times::Every(period), Due::At(first)) => {
                let due = resumed(*period, self.periodic.fixed_rate, ago, now);
                let waits = self.periodic.after.is_some();
                Some(Due::At(if waits { due.max(first) } else { due }))
            }
            (Times::Cron(cron, _), Due::Wall(first)) if first <= was_due => {
                cron.after(was_due).map(Due::Wall)
            }
            _ => Some(first),
        }
    }
}

/// When a run is due after one so long ago.
#[cfg(feature = "transport")]
fn resumed(period: Duration, fixed_rate: Option<Missed>, ago: Duration, now: Instant) -> Instant {
    let Some(late) = ago.checked_sub(period) else {
        return later(now, period.saturating_sub(ago));
    };
    let late = match fixed_rate {
        Some(Missed::Burst) => late,
        // At once, and then at the times it would have had.
        Some(Missed::Skip) => {
            let late = late.as_nanos() % period.as_nanos().max(1);
            Duration::from_nanos(u64::try_from(late).unwrap_or_default())
        }
        Some(Missed::Delay) | None => Duration::ZERO,
    };
    now.checked_sub(late).unwrap_or(now)
}

/// The time of day, by a clock that may be set, but never goes back.
///
/// It is as far as the system's clock says, and at least as far as the runtime's clock has run since it was made: nothing is
/// run twice when the clock is set back, and in a test with paused time it goes as the test goes.
struct WallClock {
    begun: (SystemTime, Instant),
}

impl WallClock {
    fn new() -> Self {
        Self {
            begun: (SystemTime::now(), Instant::now()),
        }
    }

    fn now(&self, now: Instant) -> SystemTime {
        let (wall, begun) = self.begun;
        let run = wall.checked_add(now.duration_since(begun)).unwrap_or(wall);
        run.max(SystemTime::now())
    }
}

fn every(period: Duration, fixed_rate: Option<Missed>, due: Instant, now: Instant) -> Instant {
    match fixed_rate {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::every;
    #[cfg(feature = "cron")]
    use super::{Due, Schedule};
    use crate::registry::periodic::Missed;
    #[cfg(feature = "cron")]
    use crate::{registry::periodic::Periodic, site::Site};

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
            let next = every(Duration::from_secs(10), fixed_rate, due, seconds(now));
            assert_eq!(next, seconds(expected), "{fixed_rate:?} {now}");
        }
    }

    #[cfg(feature = "cron")]
    #[test]
    fn a_far_time_of_day_is_known_though_the_clock_is_looked_at_before() {
        let site = Site::new("f", "m", "f.rs", 1);
        let minutely = Periodic::cron(site, "* * * * *", || Box::pin(async { Ok(()) }));
        let schedule = Schedule::new(&minutely).unwrap();
        let now = Instant::now();
        let hour = Duration::from_secs(3600);
        let far = Due::Wall(std::time::SystemTime::now() + hour);
        let wait = schedule.at(far, now).duration_since(now);
        assert!(hour - super::LOOK_AFTER < wait && wait <= hour, "{wait:?}");
        assert_eq!(schedule.until(far, now), (now + super::LOOK_AFTER, false));
    }

    #[cfg(feature = "cron")]
    #[test]
    fn late_times_of_day_are_skipped_made_up_for_or_delayed() {
        let site = Site::new("f", "m", "f.rs", 1);
        let minutely = Periodic::cron(site, "* * * * *", || Box::pin(async { Ok(()) }));
        for (missed, late, expected) in [
            (Missed::Skip, 0, 60),
            (Missed::Skip, 150, 180),
            (Missed::Burst, 150, 60),
            (Missed::Delay, 150, 150),
        ] {
            let schedule = Schedule::new(&minutely.clone().missed(missed)).unwrap();
            let begun = Instant::now();
            let Due::Wall(due) = schedule.first(begun) else {
                panic!("cron goes by the wall clock");
            };
            let wait = schedule
                .until(Due::Wall(due), begun)
                .0
                .duration_since(begun);
            let ended = begun + wait + Duration::from_secs(late);
            let Some(Due::Wall(next)) = schedule.next(Due::Wall(due), ended) else {
                panic!("there is always a next minute");
            };
            let after = next.duration_since(due).unwrap().as_secs_f64();
            assert!(
                (after - f64::from(expected)).abs() < 1.0,
                "{missed:?} {late}: {after}"
            );
        }
    }
}
