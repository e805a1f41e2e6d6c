//! A subscription that panics too often rests, and is tried again with one signal at a time.
//!
//! ```text
//! Taking ──more panics than allowed──▶ Tripped ──after a random wait──▶ Probing ──no panic──▶ Taking
//!                                         ▲──────────────panic─────────────┘
//! ```
//!
//! What it does not take waits in its queue, so publishers find that full after a while, and nothing is lost. Whoever waits for
//! the end of the bus, or of the subscription, does not wait for the rest: then each signal is tried at once. So it is, too, where
//! the trip itself closes the bus.

use std::sync::Arc;

use tokio::time;

use crate::{
    scope::{running::Running, trip::REST_MAX},
    worker::{
        Handlers, Work,
        calls::{Calls, Slot, Turn},
    },
};

impl Work {
    /// Counts a panic of the handler. One too many trips the subscription.
    pub(super) fn panicked(&self, running: &Running) {
        let meanwhile = format!(
            "its signals wait, and it is tried again with one of them within {REST_MAX:?} at most"
        );
        if running.panicked(self.site, &self.trip, &meanwhile) {
            running.trips.add(self.queue, self.id);
        }
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

    /// Rests, and waits for the turn to try whether that is over; `None` if everybody may go on.
    pub(super) async fn turn(&self, running: &Running, calls: &Calls) -> Option<Turn> {
        let turn = tokio::select! {
            biased;
            () = running.ending.requested() => return None,
            turn = calls.turn() => turn,
        };
        // The last one may have ended the rest.
        let tries = self.rests(running) && self.rest(running).await;
        tries.then_some(turn)
    }

    /// Rests, and then tries one signal, or one batch: if that does not panic, the rest is over.
    pub(super) async fn probe(self: &Arc<Self>, running: &Arc<Running>, handlers: &mut Handlers) {
        if let Some(calls) = self.calls() {
            return self.probe_beside(running, calls, handlers).await;
        }
        if !self.rest(running).await || self.is_lost(running) {
            return;
        }
        let Some(load) = self.take(running) else {
            return;
        };
        let panics = self.panics();
        let settled = self.handle(running, load, &mut Slot::Kept).await;
        self.tried(running, panics);
        settled.finish(running, self);
    }

    /// As [`probe`](Self::probe), where what has failed waits beside others, which are tried meanwhile.
    async fn probe_beside(
        self: &Arc<Self>,
        running: &Arc<Running>,
        calls: &Calls,
        handlers: &mut Handlers,
    ) {
        let Some(turn) = self.turn(running, calls).await else {
            return;
        };
        let lent = calls.begin(Some(turn)).await;
        if self.is_lost(running) {
            return;
        }
        if let Some(load) = self.take(running) {
            self.begin(running, load, Slot::Lent(lent), handlers);
        }
    }

    /// How often its handler has panicked.
    pub(super) fn panics(&self) -> u64 {
        self.trip.count()
    }

    /// Draws the conclusion from a try, before which it had panicked so often.
    pub(super) fn tried(&self, running: &Running, panics: u64) {
        if self.trip.tried(panics) {
            running.trips.remove(self.queue, self.id);
            tracing::info!(subscriber = %self.site, "has recovered from its panics");
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
