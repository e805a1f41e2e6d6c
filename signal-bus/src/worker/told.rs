//! What is told of a handler's end.

use std::sync::Arc;

use crate::{
    error::{Failure, Outcome},
    guarded::caught,
    observe::{
        At,
        letters::{DEAD, DeadLetter},
    },
    queue::{
        entry::Entry,
        offer::{Inside, Target},
    },
    scope::running::Running,
    signal::{
        Signal,
        label::{Label, Origin},
        stock::Stock,
    },
    worker::{
        Work,
        load::{Keys, Load},
        retry::Handled,
    },
};

/// What is told when the handler has ended, gathered before it begins.
pub(super) struct Told {
    shares: Shares,
    origin: Origin,
}

/// What is kept of the signals while they are handled.
enum Shares {
    /// The signals, where somebody still wants them then.
    Signals(Several<Signal>),
    /// Otherwise the last handler gets each for itself.
    Labels(Several<Label>),
}

/// One, without an allocation, or those of a batch.
enum Several<T> {
    One(T),
    Batch(Vec<T>),
}

impl<T> Several<T> {
    fn of(entries: &[Entry], share: impl Fn(&Entry) -> T) -> Self {
        match entries {
            [entry] => Self::One(share(entry)),
            entries => Self::Batch(entries.iter().map(share).collect()),
        }
    }

    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Batch(batch) => batch,
        }
    }
}

impl Shares {
    fn signals(&self) -> &[Signal] {
        match self {
            Self::Signals(signals) => signals.as_slice(),
            Self::Labels(_) => &[],
        }
    }

    fn places(&self, work: &Work) -> Vec<At> {
        let at = |label: &Label| At::handling(work.site, label);
        match self {
            Self::Signals(signals) => {
                let signals = signals.as_slice().iter();
                signals.map(|signal| at(signal.label())).collect()
            }
            Self::Labels(labels) => labels.as_slice().iter().map(at).collect(),
        }
    }
}

impl Told {
    pub(super) fn new(work: &Work, running: &Running, load: &Load) -> Self {
        let entries = load.entries();
        let shares = match running.keeps(work) {
            true => Shares::Signals(Several::of(entries, |entry| entry.signal.clone())),
            false => Shares::Labels(Several::of(entries, |entry| entry.signal.label().clone())),
        };
        Self {
            shares,
            origin: load.origin(),
        }
    }

    /// What is told of a signal whose handling has failed; `kept` if somebody still wants it.
    pub(super) fn one(label: Label, kept: Option<Signal>) -> Self {
        Self {
            origin: label.stamp.leads(),
            shares: match kept {
                Some(signal) => Shares::Signals(Several::One(signal)),
                None => Shares::Labels(Several::One(label)),
            },
        }
    }

    /// Tells everybody who wants to know how the handling has ended.
    ///
    /// Whatever happens here, the signals are settled then: an error's `Display`, or a value's `drop`, may panic.
    pub(super) fn tell(self, work: &Work, running: &Arc<Running>, handled: Handled, keys: &Keys) {
        if let Err(panic) = caught(|| self.tell_all(work, running, handled, keys)) {
            tracing::error!(subscriber = %work.site, "panicked while its failure was told of: {panic}");
        }
    }

    fn tell_all(self, work: &Work, running: &Arc<Running>, handled: Handled, keys: &Keys) {
        let Handled { outcome, verdict } = handled;
        let signals = self.shares.signals();
        if let Some(recorder) = &running.observe.recorder {
            for signal in signals {
                recorder.handled(
                    work.site,
                    signal,
                    outcome.as_ref().err().map(|failure| &**failure),
                );
            }
        }
        let Err(failure) = outcome else { return };
        let places = self.shares.places(work);
        for at in &places {
            running.observe.failed(at, &failure);
        }
        if work.buries {
            return;
        }
        let failure = Arc::<Failure>::from(failure);
        let inside = Inside::Handler(work.queue, self.origin);
        for ((at, signal), key) in places.into_iter().zip(signals).zip(keys.as_slice()) {
            let target = Target {
                queue: work.queue,
                key: *key,
                alone: true,
            };
            let letters = &running.observe.letters;
            let place = (letters.next_id(), target);
            // Whoever keeps the letter keeps nobody waiting, and whoever replays it has no further word to say.
            let signal = signal.told_of();
            let letter = DeadLetter::new(place, at, signal, Arc::clone(&failure), verdict);
            // First, so that whoever hears of it can replay it.
            letters.keep(letter.clone());
            if running.is_monitored() || running.observe.recorder.is_some() {
                running.announce(DEAD, letter, Some(inside));
            }
        }
    }
}

/// Tells of the failure of a handler with the signal that it had last, which is dropped then.
pub(super) fn tell_of_last(
    work: &Work,
    running: &Arc<Running>,
    stock: &mut Stock,
    outcome: Outcome,
) {
    if let Some(label) = stock.label() {
        let handled = Handled::once(outcome);
        Told::one(label, kept(work, stock)).tell(work, running, handled, &Keys::One([0]));
    }
    if let Err(panic) = caught(|| stock.end_current()) {
        tracing::error!(subscriber = %work.site, "its signal panicked while it was dropped: {panic}");
    }
}

/// The signal that the handler had last. Of a value that lies in place that is a copy, and a `clone` may panic.
fn kept(work: &Work, stock: &Stock) -> Option<Signal> {
    caught(|| stock.kept()).unwrap_or_else(|panic| {
        tracing::error!(subscriber = %work.site, "its signal panicked while it was copied for a dead letter: {panic}");
        None
    })
}

impl Running {
    /// Whether signals are still wanted after they were handled.
    pub(super) fn keeps(&self, work: &Work) -> bool {
        self.observe.recorder.is_some() || self.keeps_dead() && !work.buries
    }

    /// Whether somebody wants signals whose handling has failed.
    pub(super) fn keeps_dead(&self) -> bool {
        self.is_monitored() || self.observe.letters.keeps_any()
    }
}
