//! The deadline of a close, where no thread of the runtime is left to keep it.

use std::{sync::Arc, thread, time::Duration};

use tokio::{runtime::RuntimeFlavor, time::Instant};

use crate::{guard::drain, observe, report::CloseOutcome, scope::running::Running};

/// How much later than the drain: it comes first wherever it can.
const BEHIND: Duration = Duration::from_millis(20);

/// Has a thread of its own end the bus, should the drain be late: handlers that block every thread of the runtime, or the one
/// that keeps the runtime's clock, keep the drain from seeing its deadline.
pub(super) fn keep(running: &Arc<Running>) {
    // Where there is one thread only, whoever waits for the close cannot go on either.
    let is_needed = running.runtime.runtime_flavor() == RuntimeFlavor::MultiThread
        && !running.exchange.is_at_rest();
    if !is_needed || !running.ending.begins_to_keep() {
        return;
    }
    let kept = Arc::clone(running);
    let thread = thread::Builder::new().name("signal-bus close".to_owned());
    if let Err(error) = thread.spawn(move || wait(&kept)) {
        observe::warn(&format!(
            "the deadline of the close may be missed, no thread can be had for it: {error}"
        ));
    }
}

fn wait(running: &Arc<Running>) {
    let asked_at = Instant::now();
    let limit = drain::longest(running).saturating_add(BEHIND);
    running.ending.wait(limit);
    // Whoever has begun to end it may be kept by what is disposed of, which has its order, and no deadline.
    if !running.ending.begins_to_end() {
        return;
    }
    // What is disposed of may want to spawn tasks, as it may in the drain.
    let _entered = running.runtime.enter();
    let stuck = drain::stuck(running);
    running.exchange.abandon();
    let outcome = match running.ending.is_aborted() {
        true => CloseOutcome::Aborted,
        false => CloseOutcome::DeadlineExceeded,
    };
    drain::end(running, outcome, asked_at.elapsed(), stuck);
}
