//! The short way of a worker whose handler takes one signal after the other: a run of them in one future.

use std::{future::poll_fn, pin::pin, sync::Arc};

use tokio::task::coop;

use crate::{
    error::{Failure, Outcome},
    guarded::{Guarded, caught},
    queue::runs::Handled,
    registry::subscriber::Handle,
    scope::{Scope, running::Running},
    signal::run::Run,
    worker::{Gone, Handler, Work, load::Keys, retry, told::Told},
};

/// So many signals count as one step of those after which a task lets others run.
const SIGNALS_PER_STEP: usize = 8;

/// As [`work`](super::work), for a handler that takes one signal after the other.
///
/// It keeps what it needs for a call while it waits: that is some more memory, and nothing to do when it is woken.
#[expect(
    clippy::manual_async_fn,
    reason = "arguments of an async function are in its future twice"
)]
pub(crate) fn work(
    running: Arc<Running>,
    work: Arc<Work>,
    handle: Handle,
) -> impl Future<Output = ()> + Send + 'static {
    async move {
        let gone = Gone(work);
        let mut run = Run::new(gone.0.templates.clone());
        let mut handled = Handled::default();
        running.begun.add_permits(1);
        while gone.0.waits_for_run(&running, &mut handled, &mut run).await {
            let size = run.left();
            run.keep(running.keeps(&gone.0));
            if gone.0.rests(&running) && Box::pin(gone.0.rest(&running)).await {
                handled = gone.0.try_one(&running, handle, &mut run).await;
                continue;
            }
            handled = gone.0.handle_run(&running, handle, &mut run).await;
            // A worker that always finds a signal would never let another task run.
            for _ in 0..=size / SIGNALS_PER_STEP {
                coop::consume_budget().await;
            }
        }
        gone.0.recovers(&running);
        gone.0.part(&running);
        drop(gone);
        running.tasks.reap();
    }
}

impl Work {
    /// How its handler is called, if it may have several signals in one go.
    pub(crate) fn handle_in_runs(&self, running: &Running) -> Option<Handle> {
        match &self.handler {
            Handler::Each(handle) if self.in_runs && !running.handles_each() => Some(*handle),
            _ => None,
        }
    }

    fn waits_for_run(
        &self,
        running: &Running,
        handled: &mut Handled,
        run: &mut Run,
    ) -> impl Future<Output = bool> {
        let (queue, worker) = (self.queue, self.id);
        poll_fn(move |context| {
            let exchange = &running.exchange;
            exchange.poll_run(queue, worker, handled, run, context)
        })
    }

    /// Tries one signal after a rest.
    async fn try_one(&self, running: &Arc<Running>, handle: Handle, run: &mut Run) -> Handled {
        let panics = self.panics();
        run.allow(1);
        let handled = self.handle_run(running, handle, run).await;
        run.allow(usize::MAX);
        self.tried(running, panics);
        handled
    }

    /// Calls the handler with one signal after the other, until one fails or there are no more.
    ///
    /// What is returned is what the queue has not been told of.
    async fn handle_run(&self, running: &Arc<Running>, handle: Handle, run: &mut Run) -> Handled {
        let _active = running.enter();
        let lead = Arc::clone(run.lead());
        let mut timing = self.meter(running, Some(&lead)).begin();
        let scope = Scope::leading(Arc::clone(running), self.queue, Arc::clone(&lead));
        let mut settled = 0;
        let outcome = {
            let mut call = pin!(scope.run(Guarded::run(|| handle(run))));
            poll_fn(|context| {
                let polled = call.as_mut().poll(context);
                if polled.is_pending() {
                    timing.waits(lead.begun());
                    if 0 < lead.unsettled() {
                        settled += running.exchange.progress(self.queue);
                    }
                }
                polled
            })
            .await
        };
        timing.end(lead.begun());
        let outcome = outcome.unwrap_or_else(|panic| {
            self.panicked(running);
            Err(Box::new(Failure::Panicked(panic)))
        });
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
            .map(|label| Told::one(label.clone(), run.kept()));
        // Whatever happens here, the signals are settled: an error's `Display`, or a value's `drop`, may panic.
        let told = caught(|| {
            if let Some(told) = told {
                told.tell(
                    self,
                    running,
                    retry::Handled::once(outcome),
                    &Keys::One([0]),
                );
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
