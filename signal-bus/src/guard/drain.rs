//! The drain, in a task of its own: whoever waits for it may stop waiting.

use std::{sync::Arc, time::Duration};

use tokio::time::{self, Instant};

#[cfg(feature = "transport")]
use crate::inbound;
use crate::{
    clock::later,
    guard::deadline,
    observe,
    report::CloseOutcome,
    scope::{running::Running, table},
    site::Site,
};

/// How long a drain may take before it is told who keeps it waiting.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many places a warning names.
const NAMED_MAX: usize = 20;
/// How long a close waits for somebody to begin to read what waits.
const UNREAD_GRACE: Duration = Duration::from_millis(500);
/// How long cancelled handlers have to go. One that blocks its thread cannot, and nobody is to wait for it.
const GRACE: Duration = Duration::from_millis(40);
/// How long tasks with nothing left to do may take to end, if there is as much time before the deadline.
const ENDING: Duration = Duration::from_secs(1);
/// How long connections have to say at least what has become of what came in.
#[cfg(feature = "transport")]
const PARTING: Duration = Duration::from_secs(1);

/// How long a close takes at most, from when it was asked for.
pub(super) fn longest(running: &Running) -> Duration {
    #[cfg(feature = "transport")]
    if !running.links.all.is_empty() {
        return running.close_timeout.saturating_add(GRACE.max(PARTING));
    }
    running.close_timeout.saturating_add(GRACE)
}

/// Owns the tasks of a bus, and ends them when it is asked to close.
pub(crate) fn supervise(running: Arc<Running>) -> impl Future<Output = ()> + Send {
    // Made here and not inside: a runtime may go before it has polled the supervisor for the first time.
    let last_word = LastWord {
        running: Arc::clone(&running),
        asked_at: None,
        ended: false,
    };
    drain(running, last_word)
}

async fn drain(running: Arc<Running>, mut last_word: LastWord) {
    running.ending.requested().await;
    let asked_at = Instant::now();
    last_word.asked_at = Some(asked_at);
    let deadline = running.close_timeout;
    running.ending.drains_until(later(asked_at, deadline));
    #[cfg(feature = "transport")]
    inbound::stop(&running);
    running.exchange.close_gate();
    deadline::keep(&running);
    let drained = tokio::select! {
        biased;
        drained = time::timeout(deadline, drained(&running)) => {
            drained.is_ok() || leave_to_readers(&running)
        }
        () = running.ending.aborted() => false,
    };
    let stuck = if drained { Vec::new() } else { stuck(&running) };
    #[cfg(feature = "transport")]
    inbound::over(&running);
    let mut tasks = running.tasks.take();
    if !drained {
        running.exchange.abandon();
        tasks.abort_all();
    }
    // Every task ends now by itself, unless it blocks its thread.
    let ended = async {
        while tasks.join_next().await.is_some() {}
        // Concurrent handlers are tasks of their workers, and may outlive them.
        running.active.none().await;
    };
    let now = Instant::now();
    let (grace, until) = (later(now, GRACE), later(asked_at, deadline));
    let limit = match drained {
        true => later(now, ENDING).min(until).max(grace),
        false => grace,
    };
    let ended = time::timeout_at(limit, ended).await;
    drop(ended);
    #[cfg(feature = "transport")]
    part(&running, until.max(later(now, PARTING))).await;
    let outcome = match (drained, running.ending.is_aborted()) {
        (true, _) => CloseOutcome::Drained,
        (false, true) => CloseOutcome::Aborted,
        (false, false) => CloseOutcome::DeadlineExceeded,
    };
    last_word.end(outcome, stuck);
}

/// Ends the connections, in the time that is left.
#[cfg(feature = "transport")]
async fn part(running: &Running, limit: Instant) {
    if time::timeout_at(limit, inbound::finish(running))
        .await
        .is_err()
    {
        observe::warn(
            "a connection of the bus did not end in time: what it sent last may not have left",
        );
    }
}

/// Waits until nothing is outstanding. Who keeps it waiting is named once, in good time.
async fn drained(running: &Running) {
    let waits = time::timeout(PATIENCE, read_or_left(running));
    if waits.await.is_ok() {
        return;
    }
    let names = named(stuck(running).into_iter());
    observe::warn(&format!("the close of the bus waits for {names}"));
    read_or_left(running).await;
}

/// Waits until nothing is outstanding, or nothing but what nobody has begun to read.
async fn read_or_left(running: &Running) {
    loop {
        let reads = running.exchange.reads();
        let drained = time::timeout(UNREAD_GRACE, running.exchange.drained());
        if drained.await.is_ok() {
            return;
        }
        if running.exchange.reads() == reads && leave_to_readers(running) {
            return;
        }
    }
}

/// Leaves to its readers what waits for them, if nothing else is outstanding and nobody reads.
fn leave_to_readers(running: &Running) -> bool {
    let asked_by = running.ending.asked_by();
    let Some(unread) = running.exchange.leave_to_readers(asked_by) else {
        return false;
    };
    if !unread.is_empty() {
        let names = named(running.sites_of(unread).into_iter());
        observe::warn(&format!(
            "the bus is closed, and signals wait to be read in {names}: read them now, or close the subscription before the bus"
        ));
    }
    true
}

/// The places, each once; only the first of them, if there are very many.
fn named(sites: impl Iterator<Item = Site>) -> String {
    let mut names = Vec::new();
    for name in sites.map(|site| site.to_string()) {
        if names.contains(&name) {
            continue;
        }
        if names.len() == NAMED_MAX {
            names.push("others".to_owned());
            break;
        }
        names.push(name);
    }
    names.join(", ")
}

/// The functions that still run, and the readers that have not read all, each once.
pub(super) fn stuck(running: &Running) -> Vec<Site> {
    let handlers = running.sites_of(running.exchange.busy()).into_iter();
    let runs = running.periodics.iter();
    let runs = runs.filter(|controls| controls.is_running());
    handlers.chain(runs.map(|controls| controls.site)).collect()
}

/// Ends the bus, also when the runtime drops the supervisor before it has finished.
struct LastWord {
    running: Arc<Running>,
    asked_at: Option<Instant>,
    ended: bool,
}

impl LastWord {
    fn end(&mut self, outcome: CloseOutcome, stuck: Vec<Site>) {
        self.ended = true;
        let elapsed = self.asked_at.map(|at| at.elapsed()).unwrap_or_default();
        if self.running.ending.begins_to_end() {
            end(&self.running, outcome, elapsed, stuck);
        }
    }
}

/// Lets go of all that the bus holds, and reports; for whoever [begins to](crate::ending::Ending::begins_to_end).
pub(super) fn end(
    running: &Arc<Running>,
    outcome: CloseOutcome,
    elapsed: Duration,
    stuck: Vec<Site>,
) {
    running.exchange.forget_kept();
    running.observe.letters.forget();
    running.container.dispose();
    table::leave(running);
    running.ending.end(running.report(outcome, elapsed, stuck));
}

impl Drop for LastWord {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let stuck = stuck(&self.running);
        self.running.exchange.abandon();
        let running = Arc::clone(&self.running);
        self.end(CloseOutcome::RuntimeGone, stuck);
        let total = running.stats().total;
        if 0 < total.abandoned {
            tracing::warn!(
                abandoned = total.abandoned,
                "the runtime ended before the bus had drained"
            );
        }
    }
}
