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
    /// Whether the last call has waited for something; of runs, their timing knows.
    waits: AtomicBool,
    /// Signals that were neither timed nor waited for; of runs, their timing knows.
    untimed: AtomicU32,
    histogram: Histogram,
    seen: Mutex<Option<Seen>>,
}

/// The calls that run.
#[derive(Debug)]
enum Calls {
    /// One after the other: how often one has begun or ended, so it is odd while one runs.
    InTurn(AtomicU64),
    /// Runs, one after the other: how far the one that runs has come.
    Runs(Arc<Lead>),
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
    /// The number of the call, or of the signal in a run.
    ran: u64,
    /// When it was seen first, a little later than it has begun.
    since: Instant,
    /// Whether it was told of.
    told: bool,
}

impl Meter {
    /// For calls one after the other.
    pub(crate) fn in_turn() -> Self {
        Self::new(Calls::InTurn(AtomicU64::new(0)))
    }

    /// For runs, one after the other, that have this lead.
    pub(crate) fn of_runs(lead: Arc<Lead>) -> Self {
        Self::new(Calls::Runs(lead))
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
        let mut measured = Measured::begin(self);
        let mut call = pin!(call);
        let output = poll_fn(|context| {
            let polled = call.as_mut().poll(context);
            if polled.is_pending() {
                measured.waits();
            }
            polled
        })
        .await;
        measured.end();
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
    call: u64,
    timing: Timing,
}

impl<'meter> Measured<'meter> {
    fn begin(meter: &'meter Meter) -> Self {
        let call = meter.calls.begin();
        let mut timing = Timing {
            calls: call,
            waited: meter.waits.load(Ordering::Relaxed),
            ..Timing::default()
        };
        timing.begin(0);
        Self {
            meter,
            call,
            timing,
        }
    }

    fn waits(&mut self) {
        self.timing.waits(1, || self.meter);
    }

    fn end(mut self) {
        let Self { meter, timing, .. } = &mut self;
        if timing.counts_for_others() {
            timing.untimed += u64::from(meter.untimed.swap(0, Ordering::Relaxed));
        }
        timing.end(1, || meter);
        meter.waits.store(timing.waited, Ordering::Relaxed);
        meter.pass_over(weight(timing.untimed));
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        self.meter.calls.end(self.call);
    }
}

impl Calls {
    /// Counts a call that begins; its number, from 0.
    fn begin(&self) -> u64 {
        match self {
            Self::InTurn(turns) => {
                // Nobody else writes it.
                let before = turns.load(Ordering::Relaxed);
                turns.store(before + 1, Ordering::Relaxed);
                before / 2
            }
            Self::Runs(lead) => lead.begun(),
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
            Self::InTurn(turns) => turns.store((call + 1) * 2, Ordering::Relaxed),
            Self::Runs(_) => {}
            Self::AtOnce(calls) => drop(lock(calls).running.remove(&call)),
        }
    }

    /// The number of what has run for longest: of a call, or of the signal in a run.
    fn oldest(&self) -> Option<u64> {
        match self {
            Self::InTurn(turns) => {
                let turns = turns.load(Ordering::Relaxed);
                (turns % 2 == 1).then_some(turns / 2)
            }
            Self::Runs(lead) => lead.in_hand(),
            Self::AtOnce(calls) => lock(calls).running.first().copied(),
        }
    }
}

fn lock(calls: &Mutex<AtOnce>) -> MutexGuard<'_, AtOnce> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time of one call after the other. It stays in its place: to move it about would cost more than to measure.
///
/// What a call needs that is not timed comes first.
#[derive(Default, Debug)]
#[repr(C)]
pub(crate) struct Timing {
    /// How many calls have begun.
    calls: u64,
    /// Signals that were neither timed nor waited for.
    untimed: u64,
    /// Whether the call that is on, or was last, has waited.
    waited: bool,
    /// Whether a call is on.
    on: bool,
    /// The number of the signal that the time since the mark is of.
    at: u64,
    mark: Option<Instant>,
}

impl Timing {
    /// Whether the next call is timed.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.waited || self.calls % TIMED_EACH == 0
    }

    /// Begins a call, before which so many signals were begun.
    pub(crate) fn begin(&mut self, before: u64) {
        self.begin_after(before, None);
    }

    /// As [`begin`](Self::begin), of a call that begins when another one has [ended](Self::end).
    pub(crate) fn begin_after(&mut self, before: u64, ended: Option<Instant>) {
        self.mark = self.is_due().then(|| ended.unwrap_or_else(Instant::now));
        self.on = true;
        self.waited = false;
        self.calls += 1;
        self.at = before + 1;
    }

    /// Notes a whole call that was not [due](Self::is_due), in which so many signals were handled.
    #[inline]
    pub(crate) fn pass(&mut self, signals: usize) {
        self.calls += 1;
        self.untimed += signals as u64;
    }

    /// Whether a call is on.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Whether the call that is on, or was last, has waited.
    #[inline]
    pub(crate) fn has_waited(&self) -> bool {
        self.waited
    }

    /// Notes that the handler waits, with so many signals begun.
    ///
    /// That is the moment to look at the clock: to wait costs more.
    pub(crate) fn waits<'meter>(&mut self, begun: u64, meter: impl FnOnce() -> &'meter Meter) {
        let over = begun.saturating_sub(self.at);
        if self.waited && over == 0 {
            return;
        }
        self.waited = true;
        match self.mark {
            Some(_) if over == 0 => return,
            Some(mark) => meter().histogram.share(mark.elapsed(), over, 0),
            None => self.untimed += over,
        }
        self.mark = Some(Instant::now());
        self.at = begun;
    }

    /// Ends the call, with so many signals begun; returns when that was, if the call was timed.
    pub(crate) fn end<'meter>(
        &mut self,
        begun: u64,
        meter: impl FnOnce() -> &'meter Meter,
    ) -> Option<Instant> {
        self.on = false;
        let over = (begun + 1).saturating_sub(self.at);
        match self.mark {
            _ if over == 0 => None,
            None => {
                self.untimed += over;
                None
            }
            Some(mark) => {
                let now = Instant::now();
                let others = match self.counts_for_others() {
                    true => std::mem::take(&mut self.untimed),
                    false => 0,
                };
                let histogram = &meter().histogram;
                histogram.share(now.saturating_duration_since(mark), over, others);
                Some(now)
            }
        }
    }

    /// Whether those that were not timed count as this, which has not waited either.
    fn counts_for_others(&self) -> bool {
        self.mark.is_some() && !self.waited
    }
}

impl Meter {
    fn pass_over(&self, more: u32) {
        match self.calls {
            _ if more == 0 => {}
            Calls::InTurn(_) | Calls::Runs(_) => {
                // Nobody else writes it at the same time.
                let before = self.untimed.load(Ordering::Relaxed);
                self.untimed
                    .store(before.saturating_add(more), Ordering::Relaxed);
            }
            Calls::AtOnce(_) => drop(self.untimed.fetch_add(more, Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
impl Timing {
    /// Where what a call needs that is not timed ends.
    pub(crate) const USUAL: usize = std::mem::offset_of!(Self, on);
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::{
        task::yield_now,
        time::{Instant, advance},
    };

    use super::{Measured, Meter, TIMED_EACH, Timing};

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn count(meter: &Meter) -> u64 {
        meter.latency().map_or(0, |latency| latency.count())
    }

    /// Calls of runs, and how many signals they have begun.
    struct Runs {
        meter: Meter,
        timing: Timing,
        begun: u64,
    }

    impl Runs {
        fn new() -> Self {
            Self {
                meter: Meter::of_runs(Arc::default()),
                timing: Timing::default(),
                begun: 0,
            }
        }

        fn begin(&mut self) {
            self.timing.begin(self.begun);
        }

        fn waits_with(&mut self, signals: u64) {
            let begun = self.begun + signals;
            self.timing.waits(begun, || &self.meter);
        }

        fn end(&mut self, signals: u64) {
            self.begun += signals;
            self.timing.end(self.begun, || &self.meter);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_calls_that_never_wait_some_are_timed_and_count_for_all() {
        let mut runs = Runs::new();
        for _ in 0..=2 * TIMED_EACH {
            runs.begin();
            advance(MILLISECOND).await;
            runs.end(10);
        }
        let latency = runs.meter.latency().unwrap();
        assert_eq!(latency.count(), 10 * (2 * TIMED_EACH + 1));
        assert_eq!(
            latency.max(),
            MILLISECOND / 10,
            "ten signals share the time"
        );
        runs.begin();
        runs.end(10);
        let timed = 10 * (2 * TIMED_EACH + 1);
        assert_eq!(
            count(&runs.meter),
            timed,
            "it waits for the next that is timed"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_measured_of_single_calls_is_kept_between_them() {
        let meter = Meter::in_turn();
        for _ in 0..=TIMED_EACH {
            meter.time(async {}).await;
        }
        assert_eq!(count(&meter), TIMED_EACH + 1);
        meter.time(yield_now()).await;
        assert_eq!(count(&meter), TIMED_EACH + 2, "a wait is timed");
        meter.time(async {}).await;
        assert_eq!(count(&meter), TIMED_EACH + 3, "so is what comes after it");
        meter.time(async {}).await;
        assert_eq!(count(&meter), TIMED_EACH + 3);
    }

    #[tokio::test(start_paused = true)]
    async fn signals_that_wait_are_timed_one_by_one() {
        let mut runs = Runs::new();
        for call in 0..3 {
            runs.begin();
            for signal in 1..=4_u32 {
                runs.waits_with(signal.into());
                advance(MILLISECOND * signal).await;
                runs.waits_with(signal.into());
            }
            runs.end(4);
            let latency = runs.meter.latency().unwrap();
            assert_eq!(
                (latency.count(), latency.max()),
                (4 * (call + 1), 4 * MILLISECOND)
            );
        }
        let latency = runs.meter.latency().unwrap();
        assert!(latency.p50() < 3 * MILLISECOND, "{latency}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_was_not_expected_counts_what_was_before_it_with_others() {
        let mut runs = Runs::new();
        runs.begin();
        runs.end(1);
        runs.begin();
        runs.waits_with(6);
        advance(MILLISECOND).await;
        runs.end(6);
        assert_eq!(count(&runs.meter), 2, "five have passed untimed");
        for _ in 2..TIMED_EACH + 2 {
            runs.begin();
            runs.end(1);
        }
        // The call after the wait is timed, and counts for the five; so is the next one that is due, for those between.
        assert_eq!(count(&runs.meter), 2 + 6 + TIMED_EACH - 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_call_is_the_one_that_is_looked_at() {
        let meter = Meter::at_once();
        assert_eq!(meter.look(Instant::now()), None);
        let first = Measured::begin(&meter);
        assert_eq!(meter.look(Instant::now()), Some(Duration::ZERO));
        advance(MILLISECOND).await;
        let second = Measured::begin(&meter);
        assert_eq!(meter.look(Instant::now()), Some(MILLISECOND));
        assert!(meter.tell());
        assert!(!meter.tell(), "it is told once");
        second.end();
        assert_eq!(meter.look(Instant::now()), Some(MILLISECOND));
        drop(first);
        assert_eq!(meter.look(Instant::now()), None);
        assert_eq!(count(&meter), 0, "what was cut short is not measured");
    }
}
