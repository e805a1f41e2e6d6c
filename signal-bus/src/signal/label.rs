//! What a signal is labelled with.

use std::{sync::Arc, time::SystemTime};

use crate::signal::{
    Kind,
    arrival::{Arrival, Came, Carried},
    headers::Headers,
    id::SignalId,
    requested::Requested,
};

/// What a signal is labelled with.
#[derive(Clone)]
pub(crate) struct Label {
    pub(crate) about: Arc<About>,
    pub(crate) stamp: Stamp,
}

/// What the labels of all signals of a topic have in common.
#[derive(Debug)]
pub(crate) struct About {
    /// Empty for a broadcast.
    pub(crate) topic: Arc<str>,
    /// The type of the values.
    pub(crate) carries: Kind,
}

/// What is a signal's own on its label.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    pub(crate) id: SignalId,
    /// What led to it.
    pub(crate) origin: Option<Origin>,
    pub(crate) time: SystemTime,
    pub(crate) headers: Headers,
    /// Which call of a handler it is for.
    pub(crate) attempt: u32,
    /// Whether it stays in its bus.
    pub(crate) local: bool,
    /// How it came to its bus, if it was not published there.
    pub(crate) came: Option<Arc<Came>>,
}

impl Stamp {
    /// The time of what was not let in.
    pub(crate) const UNTIMED: SystemTime = SystemTime::UNIX_EPOCH;

    /// The stamp of a signal that is published from outside, with nothing rare about it.
    pub(crate) const PLAIN: Self = Self {
        id: SignalId::UNSET,
        origin: None,
        time: Self::UNTIMED,
        headers: Headers::NONE,
        attempt: 1,
        local: false,
        came: None,
    };

    /// The stamp of a signal that is published here; its id and its time are set when it is let in.
    #[inline(always)]
    pub(crate) fn new(origin: Option<Origin>, local: bool) -> Self {
        Self {
            origin,
            headers: Headers::current(),
            local,
            ..Self::PLAIN
        }
    }

    /// Sets the id, and the time if there is none.
    pub(crate) fn number(&mut self, id: SignalId) {
        self.id = id;
        if let Some(came) = &self.came {
            came.numbered(id, &self.headers);
        }
        if self.time == Self::UNTIMED {
            self.time = SystemTime::now();
        }
    }

    /// The way over bridges, if it came over one.
    pub(crate) fn passage(&self) -> Option<&Passage> {
        self.came.as_ref()?.passage()
    }

    /// What is known of it, if it came by a transport.
    pub(crate) fn carried(&self) -> Option<&Carried> {
        self.came.as_ref()?.carried()
    }

    /// Who waits to hear what becomes of it.
    #[inline]
    pub(crate) fn arrival(&self) -> Option<&Arc<dyn Arrival>> {
        self.came.as_ref()?.arrival()
    }

    /// Who waits for a reply to it, if somebody does.
    pub(crate) fn requested(&self) -> Option<&Arc<Requested>> {
        self.came.as_ref()?.requested()
    }

    /// What led to a signal that the handler of this one publishes.
    #[inline]
    pub(crate) fn leads(&self) -> Origin {
        Origin {
            parent: self.id,
            root: self.origin.map_or(self.id, |origin| origin.root),
        }
    }
}

/// The signal whose handler publishes another one, and the first of all that led to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origin {
    pub(crate) parent: SignalId,
    pub(crate) root: SignalId,
}

/// The way of a signal over bridges.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Passage {
    /// The bus and the id it was published with.
    pub(crate) first: (u64, SignalId),
    /// The buses it has been in.
    pub(crate) buses: Vec<u64>,
}
