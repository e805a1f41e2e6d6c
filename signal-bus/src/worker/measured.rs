//! Calls that are measured.

use std::{num::NonZeroUsize, sync::Arc};

use crate::{observe::meter::Meter, scope::running::Running, signal::lead::Lead, worker::Work};

impl Work {
    /// What its calls are measured by; `lead` is where they are runs.
    pub(super) fn meter(&self, running: &Running, lead: Option<&Arc<Lead>>) -> &Meter {
        self.meter.get_or_init(|| {
            let meter = Arc::new(match (lead, self.limit) {
                (Some(lead), _) => Meter::of_runs(Arc::clone(lead)),
                (None, Some(NonZeroUsize::MIN)) => Meter::in_turn(),
                (None, _) => Meter::at_once(),
            });
            running.watch.add(self.queue, self.id, Arc::clone(&meter));
            meter
        })
    }
}
