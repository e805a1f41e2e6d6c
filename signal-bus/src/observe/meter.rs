//! What is measured of the calls of a handler: how long they take, and which of them has run for long.
//!
//! A look at the clock costs as much as the delivery of a signal, so only some calls are timed; [`Latency`] tells which. That a
//! call has run for long is noticed without a clock of its own: whoever watches sees the same call again.

use std::{
    collections::BTreeSet,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    observe::histogram::{Histogram, weight},
    report::latency::Latency,
    signal::lead::Lead,
};

/// One of so many calls is timed, where handlers do not wait.
const TIMED_EACH: u64 = 16;

/// Measures the calls of one worker; made when the first one begins.
#[derive(Debug)]
pub(crate) struct Meter {
    calls: Calls,
    /// Whether the last call has waited for something.
    waits: AtomicBool,
    /// Signals that were neither timed nor waited for.
    untimed: AtomicU32,
    histogram: Histogram,
    seen: Mutex<Option<Seen>>,
}

/// The calls that run.
#[derive(Debug)]
enum Calls {
    /// One after the other: how often one has begun or ended, so it is odd while one runs.
    InTurn {
        turns: AtomicU64,
        /// Where the calls are runs, how far the one that runs has come.
        lead: Option<Arc<Lead>>,
    },
    /// Several at once, by their numbers.
    AtOnce(Mutex<AtOnce>),
}

#[derive(Default, Debug)]
struct AtOnce {
    begun: u64,
    running: BTreeSet<u64>,
}

/// What whoever watches has seen last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// What ran: the number of the call, and of the signal in it.
    ran: (u64, usize),
    /// When it was seen first, a little later than it has begun.
    since: Instant,
    /// Whether it was told of.
    told: bool,
}

impl Meter {
    /// For calls one after the other; of runs, with the lead of those.
    pub(crate) fn in_turn(lead: Option<Arc<Lead>>) -> Self {
        let turns = AtomicU64::new(0);
        Self::new(Calls::InTurn { turns, lead })
    }

    /// For several calls at once.
    pub(crate) fn at_once() -> Self {
        Self::new(Calls::AtOnce(Mutex::default()))
    }

    fn new(calls: Calls) -> Self {
        Self {
            calls,
            waits: AtomicBool::new(false),
            untimed: AtomicU32::new(0),
            histogram: Histogram::default(),
            seen: Mutex::default(),
        }
    }

    /// Awaits a call, and measures it.
    pub(crate) async fn time<R>(&self, call: impl Future<Output = R>) -> R {
        let mut measured = Measured {
            meter: self,
            timing: Timing::default(),
        };
        measured.timing.begin(self);
        let mut call = pin!(call);
        let output = poll_fn(|context| {
            let polled = call.as_mut().poll(context);
            if polled.is_pending() {
                measured.timing.waits(self, 1);
            }
            polled
        })
        .await;
        measured.timing.end(self, 1);
        output
    }

    /// How long the calls took, if any was measured.
    pub(crate) fn latency(&self) -> Option<Latency> {
        self.histogram.latency()
    }

    /// Looks what runs; how long it has been seen to run, if it was seen before.
    pub(crate) fn look(&self, now: Instant) -> Option<Duration> {
        let mut seen = self.seen();
        let Some(ran) = self.calls.oldest() else {
            *seen = None;
            return None;
        };
        let seen = match &mut *seen {
            Some(before) if before.ran == ran => before,
            other => other.insert(Seen {
                ran,
                since: now,
                told: false,
            }),
        };
        Some(now.saturating_duration_since(seen.since))
    }

    /// Notes that what was seen last is told of; whether it was not before.
    pub(crate) fn tell(&self) -> bool {
        let mut seen = self.seen();
        seen.as_mut()
            .is_some_and(|seen| !std::mem::replace(&mut seen.told, true))
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that may be cut short.
struct Measured<'meter> {
    meter: &'meter Meter,
    timing: Timing,
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        self.timing.cut(self.meter);
    }
}

impl Calls {
    /// Counts a call that begins; its number, from 0.
    fn begin(&self) -> u64 {
        match self {
            Self::InTurn { turns, .. } => {
                // Nobody else writes it.
                let before = turns.load(Ordering::Relaxed);
                turns.store(before + 1, Ordering::Relaxed);
                before / 2
            }
            Self::AtOnce(calls) => {
                let mut calls = lock(calls);
                let call = calls.begun;
                calls.begun += 1;
                calls.running.insert(call);
                call
            }
        }
    }

    fn end(&self, call: u64) {
        match self {
            Self::InTurn { turns, .. } => turns.store((call + 1) * 2, Ordering::Relaxed),
            Self::AtOnce(calls) => drop(lock(calls).running.remove(&call)),
        }
    }

    /// What has run for longest: the number of its call, and of the signal in that.
    fn oldest(&self) -> Option<(u64, usize)> {
        match self {
            Self::InTurn { turns, lead } => {
                let turns = turns.load(Ordering::Relaxed);
                let signal = lead.as_ref().map_or(0, |lead| lead.begun());
                (turns % 2 == 1).then_some((turns / 2, signal))
            }
            Self::AtOnce(calls) => lock(calls).running.first().map(|call| (*call, 0)),
        }
    }
}

fn lock(calls: &Mutex<AtOnce>) -> MutexGuard<'_, AtOnce> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time of one call after the other. It stays in its place: to move it about would cost more than to measure.
#[derive(Default, Debug)]
pub(crate) struct Timing {
    /// Whether a call is on.
    on: bool,
    call: u64,
    /// The number of the signal that the time since the mark is of.
    at: usize,
    mark: Option<Instant>,
    waited: bool,
}

impl Timing {
    /// Begins a call, unless one is on.
    #[inline]
    pub(crate) fn begin(&mut self, meter: &Meter) {
        if std::mem::replace(&mut self.on, true) {
            return;
        }
        self.call = meter.calls.begin();
        self.at = 1;
        self.waited = false;
        self.mark = None;
        if self.call % TIMED_EACH == 0 || meter.waits.load(Ordering::Relaxed) {
            self.mark = Some(Instant::now());
        }
    }

    /// Notes that the handler waits, with so many signals begun.
    ///
    /// That is the moment to look at the clock: to wait costs more.
    pub(crate) fn waits(&mut self, meter: &Meter, begun: usize) {
        let over = begun.saturating_sub(self.at);
        if self.waited && over == 0 {
            return;
        }
        self.waited = true;
        match self.mark {
            Some(_) if over == 0 => return,
            Some(mark) => meter.histogram.share(mark.elapsed(), over, 0),
            None => meter.pass_over(over),
        }
        self.mark = Some(Instant::now());
        self.at = begun;
    }

    /// Ends the call, in which so many signals were begun.
    #[inline]
    pub(crate) fn end(&mut self, meter: &Meter, begun: usize) {
        self.on = false;
        meter.calls.end(self.call);
        meter.waits.store(self.waited, Ordering::Relaxed);
        let over = (begun + 1).saturating_sub(self.at);
        match &self.mark {
            _ if over == 0 => {}
            None => meter.pass_over(over),
            Some(mark) => meter.measured(*mark, self.waited, over),
        }
    }

    /// Ends a call that was cut short, if one is on; it is not measured.
    pub(crate) fn cut(&mut self, meter: &Meter) {
        if std::mem::take(&mut self.on) {
            meter.calls.end(self.call);
        }
    }
}

impl Meter {
    fn measured(&self, mark: Instant, waited: bool, signals: usize) {
        // Those that were not timed count as this, which has not waited either.
        let others = match waited {
            true => 0,
            false => self.untimed.swap(0, Ordering::Relaxed),
        };
        self.histogram.share(mark.elapsed(), signals, others);
    }

    fn pass_over(&self, signals: usize) {
        let more = weight(signals);
        match self.calls {
            Calls::InTurn { .. } => {
                // Nobody else writes it at the same time.
                let before = self.untimed.load(Ordering::Relaxed);
                self.untimed.store(before + more, Ordering::Relaxed);
            }
            Calls::AtOnce(_) => drop(self.untimed.fetch_add(more, Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{Meter, TIMED_EACH, Timing};

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn count(meter: &Meter) -> u64 {
        meter.latency().map_or(0, |latency| latency.count())
    }

    /// A call that has begun.
    fn begin(meter: &Meter) -> Timing {
        let mut timing = Timing::default();
        timing.begin(meter);
        timing
    }

    #[tokio::test(start_paused = true)]
    async fn of_calls_that_never_wait_some_are_timed_and_count_for_all() {
        let meter = Meter::in_turn(None);
        for _ in 0..=2 * TIMED_EACH {
            let mut timing = begin(&meter);
            advance(MILLISECOND).await;
            timing.end(&meter, 10);
        }
        let latency = meter.latency().unwrap();
        assert_eq!(latency.count(), 10 * (2 * TIMED_EACH + 1));
        assert_eq!(
            latency.max(),
            MILLISECOND / 10,
            "ten signals share the time"
        );
        begin(&meter).end(&meter, 10);
        let timed = 10 * (2 * TIMED_EACH + 1);
        assert_eq!(count(&meter), timed, "it waits for the next that is timed");
    }

    #[tokio::test(start_paused = true)]
    async fn signals_that_wait_are_timed_one_by_one() {
        let meter = Meter::in_turn(None);
        for call in 0..3 {
            let mut timing = begin(&meter);
            for signal in 1..=4_u32 {
                timing.waits(&meter, signal as usize);
                advance(MILLISECOND * signal).await;
                timing.waits(&meter, signal as usize);
            }
            timing.end(&meter, 4);
            let latency = meter.latency().unwrap();
            assert_eq!(
                (latency.count(), latency.max()),
                (4 * (call + 1), 4 * MILLISECOND)
            );
        }
        let latency = meter.latency().unwrap();
        assert!(latency.p50() < 3 * MILLISECOND, "{latency}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_was_not_expected_counts_what_was_before_it_with_others() {
        let meter = Meter::in_turn(None);
        begin(&meter).end(&meter, 1);
        let mut timing = begin(&meter);
        timing.waits(&meter, 6);
        advance(MILLISECOND).await;
        timing.end(&meter, 6);
        assert_eq!(count(&meter), 2, "five have passed untimed");
        for _ in 2..TIMED_EACH + 2 {
            begin(&meter).end(&meter, 1);
        }
        // The call after the wait is timed, and counts for the five; so is the next one that is due, for those between.
        assert_eq!(count(&meter), 2 + 6 + TIMED_EACH - 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_call_is_the_one_that_is_looked_at() {
        let meter = Meter::at_once();
        assert_eq!(meter.look(Instant::now()), None);
        let mut first = begin(&meter);
        assert_eq!(meter.look(Instant::now()), Some(Duration::ZERO));
        advance(MILLISECOND).await;
        let mut second = begin(&meter);
        assert_eq!(meter.look(Instant::now()), Some(MILLISECOND));
        assert!(meter.tell());
        assert!(!meter.tell(), "it is told once");
        second.end(&meter, 1);
        assert_eq!(meter.look(Instant::now()), Some(MILLISECOND));
        first.cut(&meter);
        assert_eq!(meter.look(Instant::now()), None);
        assert_eq!(count(&meter), 0, "what was cut short is not measured");
    }
}
