//! The way out: takes signals from a queue and calls the handler. One loop, not generic, for all subscribers.

use std::sync::Arc;

use tokio::{
    task::{JoinSet, coop},
    time,
};

use crate::{
    error::Failure,
    guarded::{Guarded, caught},
    observe::{At, DeadLetter},
    queue::{Ending, Inside, QueueId, store::Entry},
    registry::subscriber::Call,
    scope::{
        Scope,
        running::{Running, Subscription},
    },
    signal::Signal,
};

/// The topic of dead letters.
pub(crate) const DEAD: &str = "$bus.dead";

/// Handles the signals of one subscription until the bus is closed.
pub(crate) async fn work(running: Arc<Running>, queue: QueueId) {
    // Dropping the set cancels what still runs, when the worker itself is cancelled.
    let mut handlers = JoinSet::new();
    let serial = running.subscription(queue).serial;
    running.begun.add_permits(1);
    while let Some(entry) = running.exchange.take(queue).await {
        if serial {
            handle(&running, queue, entry).await;
        } else {
            let running = Arc::clone(&running);
            handlers.spawn(async move { handle(&running, queue, entry).await });
            while handlers.try_join_next().is_some() {}
        }
        // A worker that always finds a signal would never let another task run.
        coop::consume_budget().await;
    }
}

/// Calls the handler with one signal and settles it, whatever happens.
async fn handle(running: &Arc<Running>, queue: QueueId, entry: Entry) {
    let _active = running.active.enter();
    let subscription = running.subscription(queue);
    let Entry { signal, key } = entry;
    let at = At::handling(subscription.site, &signal);
    let inside = Inside::Handler(queue, signal.id());
    let kept = running.keeps(subscription).then(|| signal.clone());
    let scope = Scope::new(Arc::clone(running), Some(inside));
    let call = scope.run(Guarded::run(|| match subscription.call {
        Call::Each(call) => call(signal),
        Call::Batch(call, _) => call(vec![signal]),
    }));
    let outcome = match subscription.timeout {
        None => call
            .await
            .unwrap_or_else(|panic| Err(Failure::Panicked(panic))),
        Some(limit) => match time::timeout(limit, call).await {
            Ok(outcome) => outcome.unwrap_or_else(|panic| Err(Failure::Panicked(panic))),
            Err(_) => Err(Failure::TimedOut(limit)),
        },
    };
    let ending = match &outcome {
        Ok(()) => Ending::Done,
        Err(_) => Ending::Dead,
    };
    // Whatever happens here, the signal is settled: an error's `Display`, or a value's `drop`, may panic.
    if let Err(panic) = caught(|| running.told(subscription, at, inside, kept, outcome)) {
        tracing::error!(subscriber = %subscription.site, "panicked while its failure was told of: {panic}");
    }
    running.exchange.finish(queue, key, ending);
}

impl Running {
    /// Tells everybody who wants to know how the handling of a signal has ended.
    fn told(
        &self,
        subscription: &Subscription,
        at: At,
        inside: Inside,
        kept: Option<Signal>,
        outcome: Result<(), Failure>,
    ) {
        if let (Some(recorder), Some(signal)) = (&self.observe.recorder, &kept) {
            recorder.handled(subscription.site, signal, outcome.as_ref().err());
        }
        let Err(failure) = outcome else { return };
        self.observe.failed(&at, &failure);
        if let Some(signal) = kept.filter(|_| !subscription.buries) {
            let letter = DeadLetter::new(at, signal, Arc::new(failure));
            self.announce(DEAD, letter, inside);
        }
    }

    /// Whether a signal is still wanted after it was handled. Otherwise the last handler gets it for itself.
    fn keeps(&self, subscription: &Subscription) -> bool {
        self.observe.recorder.is_some() || self.dead_letters_heard && !subscription.buries
    }
}
