//! Calls that are measured.

use std::{future::poll_fn, num::NonZeroUsize, pin::pin, sync::Arc};

use crate::{
    observe::meter::{Meter, Timing},
    scope::running::Running,
    signal::lead::Lead,
    worker::Work,
};

impl Work {
    /// What its calls are measured by; `lead` is where they are runs.
    pub(super) fn meter(&self, running: &Running, lead: Option<&Arc<Lead>>) -> &Meter {
        self.meter.get_or_init(|| {
            let meter = Arc::new(match self.limit {
                Some(NonZeroUsize::MIN) => Meter::in_turn(lead.cloned()),
                _ => Meter::at_once(),
            });
            running.watch.add(self.queue, self.id, Arc::clone(&meter));
            meter
        })
    }
}

/// Awaits a call, and measures it.
pub(super) async fn timed<R>(meter: &Meter, call: impl Future<Output = R>) -> R {
    let mut measured = Measured {
        meter,
        timing: Some(meter.begin()),
    };
    let mut call = pin!(call);
    let output = poll_fn(|context| {
        let polled = call.as_mut().poll(context);
        if let (Some(timing), true) = (&mut measured.timing, polled.is_pending()) {
            timing.waits(meter, 1);
        }
        polled
    })
    .await;
    if let Some(timing) = measured.timing.take() {
        timing.end(meter, 1);
    }
    output
}

/// A call that may be cut short.
struct Measured<'meter> {
    meter: &'meter Meter,
    timing: Option<Timing>,
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        if let Some(timing) = self.timing.take() {
            timing.cut(self.meter);
        }
    }
}
