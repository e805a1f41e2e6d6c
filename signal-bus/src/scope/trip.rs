//! Whether somebody has panicked too often, and when it is tried again.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    clock::{grown, jitter, later},
    registry::trip::OnTrip,
    scope::trips::PanicLimit,
};

/// The first rest is a random part of this.
const REST_BASE: Duration = Duration::from_secs(1);
/// Any later one is a random part of twice as much as the one before, up to this.
pub(crate) const REST_MAX: Duration = Duration::from_secs(60);

/// Whether somebody rests, and what it has panicked.
#[derive(Default, Debug)]
pub(crate) struct Trip {
    on_trip: OnTrip,
    tripped: AtomicBool,
    /// Nothing for those who have never panicked, as most.
    state: Mutex<Option<Box<State>>>,
}

#[derive(Default, Debug)]
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
    pub(crate) fn new(on_trip: OnTrip) -> Self {
        Self {
            on_trip,
            ..Self::default()
        }
    }

    /// What happens when it trips.
    pub(crate) fn on_trip(&self) -> OnTrip {
        self.on_trip
    }

    /// Counts a panic; whether that trips it now.
    pub(crate) fn panicked(&self, limit: PanicLimit) -> bool {
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

    pub(crate) fn is_tripped(&self) -> bool {
        self.tripped.load(Ordering::Acquire)
    }

    /// How often it has panicked.
    pub(crate) fn count(&self) -> u64 {
        self.lock().as_ref().map_or(0, |state| state.count)
    }

    pub(crate) fn rests_until(&self) -> Instant {
        let until = self.lock().as_ref().and_then(|state| state.rests_until);
        until.unwrap_or_else(Instant::now)
    }

    /// Goes on resting, for longer.
    pub(crate) fn rests_on(&self) {
        if let Some(state) = self.lock().as_mut() {
            state.rests = state.rests.saturating_add(1);
            state.rest();
        }
    }

    pub(crate) fn recovers(&self) {
        self.tripped.store(false, Ordering::Release);
    }

    /// Draws the conclusion from a try, before which there were so many panics; whether the rest is over.
    pub(crate) fn tried(&self, panics: u64) -> bool {
        let recovers = self.count() == panics;
        match recovers {
            true => self.recovers(),
            false => self.rests_on(),
        }
        recovers
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<State>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
