//! Calls of a handler that go through the layers of its bus.

use std::sync::Arc;

use crate::{
    guarded::Guarded,
    layer::{Call, Handles, Next, Signals},
    queue::entry::Entry,
    registry::handler::HandlerFuture,
    scope::running::Running,
    signal::Signal,
    worker::{Work, load::Load},
};

/// The handler below the layers.
struct Below {
    work: Arc<Work>,
    running: Arc<Running>,
}

impl Handles for Below {
    fn handle(&self, signals: Signals) -> HandlerFuture<'static> {
        let (work, running) = (Arc::clone(&self.work), Arc::clone(&self.running));
        Box::pin(async move {
            let load = load(signals);
            // A layer hears of a panic as of any other failure.
            let called = Guarded::run(|| work.call(load)).await;
            work.ended(&running, called)
        })
    }
}

impl Work {
    /// Calls the outermost layer.
    pub(super) fn layered(
        self: &Arc<Self>,
        running: &Arc<Running>,
        load: Load,
    ) -> HandlerFuture<'static> {
        let below = Below {
            work: Arc::clone(self),
            running: Arc::clone(running),
        };
        let heard = |signal: Signal| signal.heard_as(self.templates.as_ref());
        let signals = match load {
            Load::One(entry) => Signals::One(heard(entry.signal)),
            Load::Batch(entries) => {
                let signals = entries.into_iter().map(|entry| heard(entry.signal));
                Signals::Batch(signals.collect())
            }
        };
        let call = Call::new(self.site, signals);
        let (count, running) = (call.signals().len() as u64, Arc::clone(running));
        let next = Next::new(running.layers.clone(), Arc::new(below));
        Box::pin(async move {
            let handled = next.run(call).await?;
            if handled.skipped {
                running.observe.skipped.add(count);
            }
            Ok(())
        })
    }
}

fn load(signals: Signals) -> Load {
    let entry = |signal| Entry {
        signal,
        // It was settled, and its room is given back, by what it was taken with.
        key: 0,
        since: None,
        ticket: None,
    };
    match signals {
        Signals::One(signal) => Load::One(entry(signal)),
        Signals::Batch(signals) => Load::Batch(signals.into_iter().map(entry).collect()),
    }
}
