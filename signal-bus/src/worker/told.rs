//! What is told of a handler's end.

use std::sync::Arc;

use crate::{
    error::Failure,
    observe::{
        At,
        letters::{DEAD, DeadLetter},
    },
    queue::{entry::Entry, offer::Inside},
    scope::running::Running,
    signal::{
        Signal,
        label::{Label, Origin},
    },
    worker::{Work, load::Load, retry::Handled},
};

/// What is told when the handler has ended, gathered before it begins.
pub(super) struct Told {
    /// The signals, where somebody still wants them then. Otherwise the last handler gets each for itself.
    kept: Vec<Signal>,
    labels: Labels,
    origin: Origin,
}

enum Labels {
    One(Arc<Label>),
    Batch(Vec<Arc<Label>>),
}

impl Labels {
    fn as_slice(&self) -> &[Arc<Label>] {
        match self {
            Self::One(label) => std::slice::from_ref(label),
            Self::Batch(labels) => labels,
        }
    }
}

impl Told {
    pub(super) fn new(work: &Work, running: &Running, load: &Load) -> Self {
        let entries = load.entries();
        let kept = match running.keeps(work) {
            true => entries.iter().map(|entry| entry.signal.clone()).collect(),
            false => Vec::new(),
        };
        let label = |entry: &Entry| entry.signal.shared_label();
        Self {
            kept,
            labels: match entries {
                [entry] => Labels::One(label(entry)),
                entries => Labels::Batch(entries.iter().map(label).collect()),
            },
            origin: load.origin(),
        }
    }

    /// Tells everybody who wants to know how the handling has ended.
    pub(super) fn tell(self, work: &Work, running: &Arc<Running>, handled: Handled) {
        let Handled { outcome, verdict } = handled;
        if let Some(recorder) = &running.observe.recorder {
            for signal in &self.kept {
                recorder.handled(
                    work.site,
                    signal,
                    outcome.as_ref().err().map(|failure| &**failure),
                );
            }
        }
        let Err(failure) = outcome else { return };
        let labels = self.labels.as_slice().iter();
        let ats: Vec<_> = labels.map(|label| At::handling(work.site, label)).collect();
        for at in &ats {
            running.observe.failed(at, &failure);
        }
        if work.buries {
            return;
        }
        let failure = Arc::<Failure>::from(failure);
        let inside = Inside::Handler(work.queue, self.origin);
        for (at, signal) in ats.into_iter().zip(self.kept) {
            let letter = DeadLetter::new(at, signal, Arc::clone(&failure), verdict);
            running.announce(DEAD, letter, Some(inside));
        }
    }
}

impl Running {
    /// Whether signals are still wanted after they were handled.
    fn keeps(&self, work: &Work) -> bool {
        self.observe.recorder.is_some() || self.is_monitored() && !work.buries
    }
}
