//! Calling a handler again whose call has failed.
//!
//! What was taken keeps its room in the queue while it waits, and its key, so those behind it with the same key wait as well. Of a
//! worker with one call it also keeps that, and so the order; of one with several, others have its call meanwhile
//! ([`calls`](super::calls)).

use std::sync::Arc;

use tokio::time::{self, Instant};

use crate::{
    clock::later,
    error::{Failure, Outcome},
    guarded::{caught, discard},
    observe::letters::{DeadReason, Verdict},
    registry::retry::Retry,
    scope::running::Running,
    worker::{
        Work,
        calls::{Calls, Lent, Slot},
        load::Load,
    },
};

/// How the handling of a load has ended, after one attempt or several.
pub(super) struct Handled {
    pub(super) outcome: Outcome,
    /// Matters if it has failed.
    pub(super) verdict: Verdict,
}

impl Handled {
    /// How it has ended where there is one attempt only.
    pub(super) fn once(outcome: Outcome) -> Self {
        let reason = match &outcome {
            Err(failure) if failure.is_permanent() => DeadReason::Permanent,
            _ => DeadReason::NotRetried,
        };
        let verdict = Verdict {
            attempts: 1,
            reason,
        };
        Self { outcome, verdict }
    }
}

/// Nobody wants the load to be handled any more: its subscription was dropped while it waited.
pub(super) struct Unwanted;

/// Why there is no further attempt.
enum Over {
    Dead(DeadReason),
    Unwanted,
}

/// The wait before an attempt.
struct Pause {
    /// When the next attempt is due.
    until: Instant,
    /// When the last one may begin.
    latest: Instant,
    /// The signals that wait.
    signals: usize,
}

impl Work {
    /// Calls the handler until it succeeds, or there is no point in calling it again.
    pub(super) async fn persist(
        self: &Arc<Self>,
        running: &Arc<Running>,
        mut load: Load,
        retry: &Retry,
        slot: &mut Slot,
    ) -> Result<Handled, Unwanted> {
        let latest = later(Instant::now(), retry.budget_max());
        let mut attempts = 1;
        loop {
            let again = (attempts < retry.attempts_max()).then(|| load.for_next_attempt());
            let panics = self.panics();
            let outcome = self.attempt(running, load).await;
            if let Some(_turn) = slot.take_turn() {
                self.tried(running, panics);
            }
            let over = match &outcome {
                Ok(()) => Over::Dead(DeadReason::NotRetried),
                Err(failure) => match (hopeless(retry, failure), again) {
                    (Some(reason), _) => Over::Dead(reason),
                    (None, None) => Over::Dead(DeadReason::Exhausted),
                    (None, Some(again)) => {
                        let pause = Pause {
                            until: later(Instant::now(), retry.wait_after(attempts)),
                            latest,
                            signals: again.entries().len(),
                        };
                        match self.pauses(running, &pause, slot).await {
                            Ok(()) => {
                                self.tell_retry(failure, attempts);
                                load = again;
                                attempts += 1;
                                running.observe.retries.add(1);
                                continue;
                            }
                            Err(over) => {
                                discard(again);
                                over
                            }
                        }
                    }
                },
            };
            return match over {
                Over::Dead(reason) => {
                    let verdict = Verdict { attempts, reason };
                    Ok(Handled { outcome, verdict })
                }
                Over::Unwanted => {
                    discard(outcome);
                    Err(Unwanted)
                }
            };
        }
    }

    /// Waits before the next attempt: in place, or without a call, which others can have then.
    async fn pauses(&self, running: &Running, pause: &Pause, slot: &mut Slot) -> Result<(), Over> {
        if pause.latest < pause.until {
            return Err(Over::Dead(DeadReason::OutOfTime));
        }
        match (self.calls(), &*slot) {
            (Some(calls), Slot::Lent(_)) => {
                let (queue, limit) = (self.queue, self.limit);
                let exchange = &running.exchange;
                exchange.rest(queue, self.id, limit, pause.signals);
                calls.give_up(slot);
                let paused = self.pauses_beside(running, pause, calls).await;
                exchange.resume(queue, self.id, pause.signals);
                *slot = Slot::Lent(paused?);
                Ok(())
            }
            _ => waits(running, pause).await,
        }
    }

    /// Waits for the time of the next attempt, for the end of a rest, and then for a call.
    async fn pauses_beside(
        &self,
        running: &Running,
        pause: &Pause,
        calls: &Calls,
    ) -> Result<Lent, Over> {
        let waits = async {
            waits(running, pause).await?;
            let turn = match self.rests(running) {
                true => self.turn(running, calls).await,
                false => None,
            };
            let lent = calls.begin(turn).await;
            match pause.latest < Instant::now() {
                true => Err(Over::Dead(DeadReason::OutOfTime)),
                false => Ok(lent),
            }
        };
        let abandoned = async {
            match &self.member {
                Some(member) => member.abandoned().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = abandoned => Err(Over::Unwanted),
            waited = waits => waited,
        }
    }

    fn tell_retry(&self, failure: &Failure, attempts: u32) {
        // The error is the user's: to display it may panic.
        let told = caught(|| {
            tracing::warn!(subscriber = %self.site, attempts, "failed, and is tried again: {failure}");
        });
        drop(told);
    }
}

/// Why a failure is not retried, if it is not.
fn hopeless(retry: &Retry, failure: &Failure) -> Option<DeadReason> {
    match failure {
        Failure::Panicked(_) if !retry.retries_panics() => Some(DeadReason::NotRetried),
        Failure::TimedOut(_) if !retry.retries_timeouts() => Some(DeadReason::NotRetried),
        failure => failure.is_permanent().then_some(DeadReason::Permanent),
    }
}

/// Waits for the time of the next attempt; while the bus closes, not beyond its deadline.
async fn waits(running: &Running, pause: &Pause) -> Result<(), Over> {
    tokio::select! {
        biased;
        () = running.ending.certain_by(pause.until) => Err(Over::Dead(DeadReason::Closing)),
        () = time::sleep_until(pause.until) => Ok(()),
    }
}
