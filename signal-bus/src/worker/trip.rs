//! A subscription that panics too often rests, and is tried again with one signal at a time.
//!
//! ```text
//! Taking ──more panics than allowed──▶ Tripped ──after a random wait──▶ Probing ──no panic──▶ Taking
//!                                         ▲──────────────panic─────────────┘
//! ```
//!
//! What it does not take waits in its queue, so publishers find that full after a while, and nothing is lost. Whoever waits for
//! the end of the bus, or of the subscription, does not wait for the rest: then each signal is tried at once.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{self, Instant};

use crate::{
    clock::{grown, jitter, later},
    observe,
    scope::{running::Running, trips::PanicLimit},
    worker::{Work, calls::Slot},
};

/// The first rest is a random part of this.
const REST_BASE: Duration = Duration::from_secs(1);
/// Any later one is a random part of twice as much as the one before, up to this.
const REST_MAX: Duration = Duration::from_secs(60);

/// Whether a worker rests, and what it has panicked.
#[derive(Default)]
pub(crate) struct Trip {
    tripped: AtomicBool,
    /// Nothing for those who have never panicked, as most.
    state: Mutex<Option<Box<State>>>,
}

#[derive(Default)]
struct State {
    /// When it has panicked last, at most one more time than it may.
    panics: VecDeque<Instant>,
    /// How often it has panicked at all.
    count: u64,
    /// How many rests have not helped.
    rests: u32,
    rests_until: Option<Instant>,
}

impl State {
    fn rest(&mut self) {
        let wait = jitter(grown(REST_BASE, 2.0, self.rests, REST_MAX));
        self.rests_until = Some(later(Instant::now(), wait));
    }
}

impl Trip {
    /// Counts a panic; whether that trips it now.
    fn panicked(&self, limit: PanicLimit) -> bool {
        let mut state = self.lock();
        let state = state.get_or_insert_default();
        let now = Instant::now();
        state.count += 1;
        if self.is_tripped() {
            return false;
        }
        state.panics.push_back(now);
        let is_old = |at: &Instant| limit.within < now.duration_since(*at);
        while state.panics.front().is_some_and(is_old) {
            state.panics.pop_front();
        }
        if state.panics.len() <= limit.panics {
            return false;
        }
        state.panics = VecDeque::new();
        state.rests = 0;
        state.rest();
        self.tripped.store(true, Ordering::Release);
        true
    }

    fn is_tripped(&self) -> bool {
        self.tripped.load(Ordering::Acquire)
    }

    /// How often it has panicked.
    fn count(&self) -> u64 {
        self.lock().as_ref().map_or(0, |state| state.count)
    }

    fn rests_until(&self) -> Instant {
        let until = self.lock().as_ref().and_then(|state| state.rests_until);
        until.unwrap_or_else(Instant::now)
    }

    /// Goes on resting, for longer.
    fn rests_on(&self) {
        if let Some(state) = self.lock().as_mut() {
            state.rests = state.rests.saturating_add(1);
            state.rest();
        }
    }

    fn recovers(&self) {
        self.tripped.store(false, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<State>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// Counts a panic of the handler. One too many trips the subscription, which is told once.
    pub(super) fn panicked(&self, running: &Running) {
        let limit = running.trips.limit;
        if !self.trip.panicked(limit) {
            return;
        }
        running.trips.add(self.queue, self.id);
        let PanicLimit { panics, within } = limit;
        observe::warn(&format!(
            "{} has panicked more than {panics} times within {within:?}, so it rests: its signals wait, and it is tried again \
             with one of them within {REST_MAX:?} at most",
            self.site
        ));
    }

    /// Whether it rests now. Nobody does who is waited for.
    pub(super) fn rests(&self, running: &Running) -> bool {
        self.trip.is_tripped() && !running.ending.is_requested() && !self.has_departed()
    }

    /// Rests; whether it is to try one signal then, because nobody waits for it.
    pub(super) async fn rest(&self, running: &Running) -> bool {
        let departed = async {
            match &self.member {
                Some(member) => member.departed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = running.ending.requested() => false,
            () = departed => false,
            () = time::sleep_until(self.trip.rests_until()) => true,
        }
    }

    /// Rests, and then tries one signal, or one batch: if that does not panic, the rest is over.
    pub(super) async fn probe(self: &Arc<Self>, running: &Arc<Running>) {
        if !self.rest(running).await {
            return;
        }
        // While it is tried, nothing else is begun, whatever it waits for.
        let _slot = match self.calls() {
            Some(calls) => calls.begin().await,
            None => Slot::Kept,
        };
        let Some(load) = self.take(running) else {
            return;
        };
        let panics = self.panics();
        let settled = self.handle(running, load, &mut Slot::Kept).await;
        self.tried(running, panics);
        settled.finish(running, self);
    }

    /// How often its handler has panicked.
    pub(super) fn panics(&self) -> u64 {
        self.trip.count()
    }

    /// Draws the conclusion from a try, before which it had panicked so often.
    pub(super) fn tried(&self, running: &Running, panics: u64) {
        if self.panics() == panics {
            self.recovers(running);
            tracing::info!(subscriber = %self.site, "has recovered from its panics");
        } else {
            self.trip.rests_on();
        }
    }

    /// Ends the rest, if there is one.
    pub(super) fn recovers(&self, running: &Running) {
        if self.trip.is_tripped() {
            self.trip.recovers();
            running.trips.remove(self.queue, self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time;

    use super::Trip;
    use crate::scope::trips::PanicLimit;

    const LIMIT: PanicLimit = PanicLimit {
        panics: 2,
        within: Duration::from_secs(10),
    };

    #[tokio::test(start_paused = true)]
    async fn only_panics_that_come_together_trip() {
        let trip = Trip::default();
        for _ in 0..5 {
            assert!(!trip.panicked(LIMIT));
            time::advance(Duration::from_secs(6)).await;
        }
        assert!(!trip.panicked(LIMIT));
        assert!(trip.panicked(LIMIT), "the third within ten seconds");
        assert!(!trip.panicked(LIMIT), "it is told once");
        trip.recovers();
        assert!(!trip.panicked(LIMIT), "it begins anew");
        assert_eq!(trip.count(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn rests_become_longer_up_to_a_minute() {
        let trip = Trip::default();
        while !trip.panicked(LIMIT) {}
        let mut longest = Vec::new();
        for rest in 0..8 {
            let most = Duration::from_secs(60.min(1 << rest));
            let left = time::Instant::now() + most;
            assert!(trip.rests_until() <= left, "rest {rest}");
            longest.push(trip.rests_until().duration_since(time::Instant::now()));
            trip.rests_on();
        }
        assert!(
            longest.iter().any(|rest| Duration::from_secs(1) < *rest),
            "{longest:?}"
        );
    }
}
