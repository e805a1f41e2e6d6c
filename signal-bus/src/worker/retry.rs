//! Calling a handler again whose call has failed.
//!
//! The wait is in place: what was taken keeps its room in the queue and its call, so a serial subscription keeps its order, and a
//! keyed one its order by key.

use std::{sync::Arc, time::Duration};

use tokio::time::{self, Instant};

use crate::{
    clock::later,
    error::{Failure, Outcome},
    guarded::caught,
    observe::letters::{DeadReason, Verdict},
    registry::retry::Retry,
    scope::running::Running,
    worker::{Work, load::Load},
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

impl Work {
    /// Calls the handler until it succeeds, or there is no point in calling it again.
    pub(super) async fn persist(
        self: &Arc<Self>,
        running: &Arc<Running>,
        mut load: Load,
        retry: &Retry,
    ) -> Handled {
        let begun = Instant::now();
        let mut attempts = 1;
        loop {
            let again = (attempts < retry.attempts_max()).then(|| load.for_attempt(attempts + 1));
            let outcome = self.attempt(running, load).await;
            let next = match &outcome {
                Ok(()) => Err(DeadReason::NotRetried),
                Err(failure) => match (hopeless(retry, failure), again) {
                    (Some(reason), _) => Err(reason),
                    (None, None) => Err(DeadReason::Exhausted),
                    (None, Some(again)) => {
                        let wait = retry.wait_after(attempts);
                        match rests(running, begun, retry, wait).await {
                            Ok(()) => {
                                self.tell_retry(failure, attempts);
                                Ok(again)
                            }
                            Err(reason) => Err(reason),
                        }
                    }
                },
            };
            match next {
                Ok(again) => load = again,
                Err(reason) => {
                    let verdict = Verdict { attempts, reason };
                    return Handled { outcome, verdict };
                }
            }
            attempts += 1;
            running.observe.retries.add(1);
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

/// Waits before the next attempt; the error says why there is none.
async fn rests(
    running: &Running,
    begun: Instant,
    retry: &Retry,
    wait: Duration,
) -> Result<(), DeadReason> {
    let until = later(Instant::now(), wait);
    if later(begun, retry.budget_max()) < until {
        return Err(DeadReason::OutOfTime);
    }
    tokio::select! {
        biased;
        () = running.ending.certain_by(until) => Err(DeadReason::Closing),
        () = time::sleep_until(until) => Ok(()),
    }
}
