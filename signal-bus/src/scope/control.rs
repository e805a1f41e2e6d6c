//! What others may ask of a periodic function: to run now, to pause, to go on; and when it runs.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

#[cfg(feature = "transport")]
use crate::scope::standing::Standing;
use crate::{observe::meter::Meter, registry::trip::OnTrip, scope::trip::Trip, site::Site};

/// The controls of one periodic function of a running bus.
#[derive(Debug)]
pub(crate) struct Controls {
    pub(crate) site: Site,
    /// Whether it runs right now.
    pub(crate) runs: AtomicBool,
    /// Whether it rests, because it has panicked too often.
    pub(crate) trip: Trip,
    pub(crate) meter: Meter,
    /// Whether it may run here, if it runs once in a cluster.
    #[cfg(feature = "transport")]
    pub(crate) standing: Standing,
    asked: Mutex<Asked>,
    /// When it is to run next, as far as its task knows.
    next: Mutex<Option<Instant>>,
    changed: Notify,
}

#[derive(Clone, Copy, Default, Debug)]
struct Asked {
    paused: bool,
    /// Whether a run was asked for that has not begun.
    triggered: bool,
    /// Whether nobody will take what is asked for any more.
    over: bool,
}

impl Controls {
    pub(crate) fn new(site: Site, on_trip: OnTrip) -> Self {
        Self {
            site,
            runs: AtomicBool::new(false),
            trip: Trip::new(on_trip),
            meter: Meter::in_turn(),
            #[cfg(feature = "transport")]
            standing: Standing::default(),
            asked: Mutex::default(),
            next: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Asks for a run, which `count` counts as outstanding if there may be one.
    pub(crate) fn trigger(&self, count: impl FnOnce() -> bool) {
        let mut asked = self.lock();
        if !asked.triggered && !asked.over && count() {
            asked.triggered = true;
            drop(asked);
            self.changed.notify_one();
        }
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.lock().paused = paused;
        self.changed.notify_one();
        #[cfg(feature = "transport")]
        self.standing.stir();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.lock().paused
    }

    pub(crate) fn is_running(&self) -> bool {
        self.runs.load(Ordering::Relaxed)
    }

    /// Says when it is to run next; only the function's own task does.
    pub(crate) fn next_is(&self, next: Option<Instant>) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// How long it is until the next run begins, if that is known.
    pub(crate) fn next_run(&self) -> Option<Duration> {
        let asked = *self.lock();
        if asked.over || self.is_running() {
            None
        } else if asked.triggered {
            Some(Duration::ZERO)
        } else if asked.paused {
            None
        } else {
            let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
            next.map(|next| next.saturating_duration_since(Instant::now()))
        }
    }

    /// When its rest is over, if it rests.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        self.trip.is_tripped().then(|| self.trip.rests_until())
    }

    /// Takes a run that was asked for.
    pub(crate) fn take_trigger(&self) -> bool {
        std::mem::take(&mut self.lock().triggered)
    }

    /// Ends it, unless a run was asked for in the meantime; whether it has ended.
    pub(crate) fn end(&self) -> bool {
        let mut asked = self.lock();
        asked.over = !asked.triggered;
        asked.over
    }

    /// Waits until something else is asked than before; only the function's own task does.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
