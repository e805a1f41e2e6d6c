//! A signal that asks to be let in, and where it comes from.

use std::sync::Arc;

use crate::{
    queue::{entry::Ticket, kept::Keeps, stores::QueueId},
    signal::{Signal, id::SignalId, label::Origin},
};

/// A queue that a signal is meant for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    pub(crate) queue: QueueId,
    /// Hash of the signal's key; unused where the queue is not keyed.
    pub(crate) key: u64,
    /// Whether it is for this queue only, and not for all that share a log with it.
    pub(crate) alone: bool,
}

/// Where a signal is to go, as it was found out in one generation.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) generation: u64,
    pub(crate) targets: Arc<[Target]>,
    /// Where it is kept for others; `None`: nowhere.
    pub(crate) keeps: Option<Arc<Keeps>>,
}

/// What something is published from, where that is a part of the bus itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Inside {
    /// A handler, while it handles a signal.
    Handler(QueueId, Origin),
    /// A run of a periodic function.
    Run,
    /// A provider, before there are workers.
    Start,
    /// A task that a handler or a run has spawned into the scope.
    Spawned(Option<Origin>),
}

impl Inside {
    /// The queue and the signal of a handler.
    pub(crate) fn handling(self) -> Option<(QueueId, SignalId)> {
        match self {
            Self::Handler(queue, origin) => Some((queue, origin.parent)),
            Self::Run | Self::Start | Self::Spawned(_) => None,
        }
    }

    /// What led to this.
    pub(crate) fn origin(self) -> Option<Origin> {
        match self {
            Self::Handler(_, origin) => Some(origin),
            Self::Run | Self::Start => None,
            Self::Spawned(origin) => origin,
        }
    }
}

/// A signal that asks to be let in.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The number of its topic: publishers of one topic stand in one line.
    pub(crate) line: usize,
    pub(crate) signal: Signal,
    pub(crate) destination: Destination,
    pub(crate) inside: Option<Inside>,
    /// Whether the publisher wants a share of the signal as it was let in.
    pub(crate) recorded: bool,
    /// Whether it counts as published; what the bus itself announces does not.
    pub(crate) counted: bool,
    /// Held while the signal waits in any queue.
    pub(crate) ticket: Option<Ticket>,
}

impl Offer {
    /// Takes back the signal.
    pub(crate) fn into_signal(self) -> Signal {
        self.signal
    }
}
