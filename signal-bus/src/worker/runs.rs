//! The short way of a worker whose handler takes one signal after the other: a run of them in one future.

use std::{pin::pin, sync::Arc};

use tokio::task::coop;

use crate::{
    error::Outcome,
    guarded::{Guarded, caught},
    queue::runs::Handled,
    registry::subscriber::Handle,
    scope::{Scope, running::Running},
    signal::run::Run,
    worker::{Work, panicked, told::Told},
};

/// So many signals count as one step of those after which a task lets others run.
const SIGNALS_PER_STEP: usize = 8;

impl Work {
    /// Handles what there is, in runs.
    pub(super) async fn handle_runs(&self, running: &Arc<Running>, handle: Handle) {
        let mut run = Run::new(self.templates.clone());
        let mut handled = Handled::default();
        while running
            .exchange
            .refill(self.queue, self.id, handled, &mut run)
        {
            let size = run.left();
            run.keep(running.keeps(self));
            handled = self.handle_run(running, handle, &mut run).await;
            // A worker that always finds a signal would never let another task run.
            for _ in 0..=size / SIGNALS_PER_STEP {
                coop::consume_budget().await;
            }
        }
    }

    /// Calls the handler with one signal after the other, until one fails or there are no more.
    ///
    /// What is returned is what the queue has not been told of.
    async fn handle_run(&self, running: &Arc<Running>, handle: Handle, run: &mut Run) -> Handled {
        let _active = running.active.enter();
        let lead = Arc::clone(run.lead());
        let scope = Scope::leading(Arc::clone(running), self.queue, Arc::clone(&lead));
        let mut settled = 0;
        let outcome = {
            let mut call = pin!(scope.run(Guarded::run(|| handle(run))));
            std::future::poll_fn(|context| {
                let polled = call.as_mut().poll(context);
                if polled.is_pending() && 0 < lead.unsettled() {
                    settled += running.exchange.progress(self.queue);
                }
                polled
            })
            .await
        };
        let outcome = outcome.unwrap_or_else(panicked);
        let begun = lead.begun();
        let failed = usize::from(outcome.is_err());
        if outcome.is_err() {
            self.tell(running, run, outcome);
        }
        Handled {
            done: begun.saturating_sub(failed + settled),
            dead: failed,
        }
    }

    fn tell(&self, running: &Arc<Running>, run: &mut Run, outcome: Outcome) {
        let told = run
            .label()
            .map(|label| Told::one(Arc::clone(label), run.kept()));
        // Whatever happens here, the signals are settled: an error's `Display`, or a value's `drop`, may panic.
        let told = caught(|| {
            if let Some(told) = told {
                told.tell(self, running, outcome);
            }
        });
        if let Err(panic) = told {
            tracing::error!(subscriber = %self.site, "panicked while its failure was told of: {panic}");
        }
        if let Err(panic) = caught(|| run.end_current()) {
            tracing::error!(subscriber = %self.site, "its signal panicked while it was dropped: {panic}");
        }
    }
}
