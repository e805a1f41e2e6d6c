//! The clock's calls: one loop, not generic, for all periodic functions.

pub(crate) mod cron;
pub(crate) mod schedule;
pub(crate) mod handle;
#[cfg(feature = "transport")]
pub(crate) mod keeper;
#[cfg(feature = "transport")]
pub(crate) mod once;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{self, Instant};

use crate::{
    clock::{jitter, later},
    error::Failure,
    guarded::{Guarded, discard},
    observe::At,
    periodic::schedule::{Due, Schedule},
    queue::offer::Inside,
    scope::{Scope, control::Controls, running::Running, trip::REST_MAX},
};

/// Runs a periodic function until the bus is asked to close.
///
/// A function without `after` is owed its first run, which the exchange counts as outstanding from the start: so it
/// runs also in a bus that is closed at once.
pub(crate) fn tick(
    running: Arc<Running>,
    controls: Arc<Controls>,
    schedule: Schedule,
) -> impl Future<Output = ()> + Send {
    // Said here and not inside: the next run may be asked for before the task has begun.
    let now = Instant::now();
    let next = Next {
        due: Some(schedule.first(now)),
        rest: jitter(schedule.jitter()),
    };
    controls.next_is(next.begins_at(&schedule, now));
    runs(running, controls, schedule, next)
}

async fn runs(running: Arc<Running>, controls: Arc<Controls>, schedule: Schedule, mut next: Next) {
    let mut owed = schedule.is_owed();
    loop {
        let mut triggered = false;
        if !std::mem::take(&mut owed) {
            match begins(&running, &controls, &schedule, next).await {
                Begins::InTime => {}
                Begins::Triggered => triggered = true,
                Begins::Never => return,
            }
        }
        run(&running, &controls, &schedule).await;
        running.exchange.end_run();
        // A run that was asked for is beside a schedule that has its own times.
        if !triggered || !schedule.has_times() {
            next = next.after(&schedule);
        }
    }
}

/// The next run.
#[derive(Clone, Copy)]
struct Next {
    /// `None`: the schedule has come to its end, and the function may still be asked to run.
    due: Option<Due>,
    /// How much later it begins.
    rest: Duration,
}

impl Next {
    /// The run that comes when this one has ended now.
    fn after(self, schedule: &Schedule) -> Self {
        Self {
            due: self.due.and_then(|due| schedule.next(due, Instant::now())),
            rest: jitter(schedule.jitter()),
        }
    }

    fn begins_at(self, schedule: &Schedule, now: Instant) -> Option<Instant> {
        Some(later(schedule.at(self.due?, now), self.rest))
    }

    /// How long to wait, by the runtime's clock; and whether it begins then.
    fn until(self, schedule: &Schedule, now: Instant) -> (Instant, bool) {
        match self.due.map(|due| schedule.until(due, now)) {
            Some((until, true)) => (later(until, self.rest), true),
            Some(look) => look,
            None => (later(now, Duration::MAX), false),
        }
    }
}

/// How the wait for a run has ended.
enum Begins {
    InTime,
    Triggered,
    Never,
}

/// Waits for the next run, in time or asked for; or for the close.
async fn begins(running: &Running, controls: &Controls, schedule: &Schedule, next: Next) -> Begins {
    loop {
        // It was counted when it was asked for, and is made also when the bus closes.
        if controls.take_trigger() {
            return Begins::Triggered;
        }
        let paused = controls.is_paused();
        // The wall clock may be set while the function waits, so it is looked at now and then.
        let now = Instant::now();
        let (mut until, last) = next.until(schedule, now);
        let mut begins_at = next.begins_at(schedule, now);
        if let Some(rests_until) = controls.rests_until() {
            begins_at = begins_at.map(|at| at.max(rests_until));
            until = if last { until.max(rests_until) } else { until };
        }
        controls.next_is(begins_at);
        tokio::select! {
            biased;
            () = running.ending.requested() => {
                if controls.end() {
                    return Begins::Never;
                }
            }
            () = controls.changed() => {}
            () = time::sleep_until(until), if !paused => {
                if last {
                    match running.exchange.begin_run() {
                        true => return Begins::InTime,
                        // The bus closes.
                        false if controls.end() => return Begins::Never,
                        false => {}
                    }
                }
            }
        }
    }
}

async fn run(running: &Arc<Running>, controls: &Controls, schedule: &Schedule) {
    let _active = running.enter();
    running.observe.periodic_runs.add(1);
    controls.runs.store(true, Ordering::Relaxed);
    controls.next_is(None);
    let trip = &controls.trip;
    let panics = trip.is_tripped().then(|| trip.count());
    let scope = Scope::new(Arc::clone(running), Some(Inside::Run));
    let call = scope.run(Guarded::run(schedule.call()));
    let outcome = controls.meter.time(call).await.unwrap_or_else(|panic| {
        panicked(running, controls);
        Err(Box::new(Failure::Panicked(panic)))
    });
    if panics.is_some_and(|panics| trip.tried(panics)) {
        tracing::info!(periodic = %controls.site, "has recovered from its panics");
    }
    if let Err(failure) = outcome {
        running.observe.failed(&At::site(controls.site), &failure);
        discard(failure);
    }
    controls.runs.store(false, Ordering::Relaxed);
}

/// Counts a panic of a run. One too many trips the function.
fn panicked(running: &Running, controls: &Controls) {
    let meanwhile = format!(
        "runs that are due wait, for {REST_MAX:?} at most, and it is tried again with one of them"
    );
    running.panicked(controls.site, &controls.trip, &meanwhile);
}
