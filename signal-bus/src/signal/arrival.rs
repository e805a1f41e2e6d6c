//! How a signal came to its bus that was not published there.

use std::{fmt, sync::Arc};

use crate::signal::{
    headers::Headers, id::SignalId, label::Passage, name::Named, requested::Requested,
};

/// How a signal came to its bus.
#[derive(Clone, Debug)]
pub(crate) enum Came {
    /// Over bridges, from another bus of the program.
    Bridged(Passage),
    /// By a transport, from another process.
    #[cfg_attr(
        not(feature = "transport"),
        expect(dead_code, reason = "there is nothing it could come by")
    )]
    Carried(Carried),
    /// It was published here, and has left for other processes before.
    #[cfg_attr(
        not(feature = "transport"),
        expect(dead_code, reason = "there is nowhere it could have left for")
    )]
    Sent(Named),
    /// Somebody waits for a reply to it.
    Requested(Arc<Requested>),
}

/// What is known of a signal that came by a transport.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    /// The group that it came for, and no other.
    pub(crate) group: Option<Arc<str>>,
    pub(crate) named: Named,
    /// Who waits to hear what becomes of it, if somebody does.
    pub(crate) owed: Option<Arc<dyn Arrival>>,
}

/// Somebody who waits to hear what becomes of a signal.
pub(crate) trait Arrival: fmt::Debug + Send + Sync {
    /// Says that one subscription has done with it.
    fn ended(&self, how: Ended);
}

/// How a subscription has done with a signal.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// Its handler has ended well, or its reader has it.
    Done,
    /// It was dropped, as the subscription says what happens at the limit.
    Dropped,
    /// It has failed for good; why, in words.
    Dead(String),
    /// It would have been tried again, and the bus closes.
    Returned,
}

impl Came {
    /// The way over bridges, if it was one.
    pub(crate) fn passage(&self) -> Option<&Passage> {
        match self {
            Self::Bridged(passage) => Some(passage),
            Self::Carried(_) | Self::Sent(_) | Self::Requested(_) => None,
        }
    }

    /// What is known of it, if it came by a transport.
    pub(crate) fn carried(&self) -> Option<&Carried> {
        match self {
            Self::Bridged(_) | Self::Sent(_) | Self::Requested(_) => None,
            Self::Carried(carried) => Some(carried),
        }
    }

    /// Who waits to hear what becomes of it.
    pub(crate) fn arrival(&self) -> Option<&Arc<dyn Arrival>> {
        self.carried()?.owed.as_ref()
    }

    /// The same, where nobody waits to hear what becomes of it.
    pub(crate) fn told_of(&self) -> Self {
        let mut told = self.clone();
        if let Self::Carried(carried) = &mut told {
            carried.owed = None;
        }
        told
    }

    /// Who waits for a reply to it, if somebody does.
    pub(crate) fn requested(&self) -> Option<&Arc<Requested>> {
        match self {
            Self::Bridged(_) | Self::Carried(_) | Self::Sent(_) => None,
            Self::Requested(requested) => Some(requested),
        }
    }

    /// Whether it was not published here.
    pub(crate) fn is_foreign(&self) -> bool {
        !matches!(self, Self::Sent(_) | Self::Requested(_))
    }

    /// Says which id it has in this bus, with these headers.
    pub(crate) fn numbered(&self, id: SignalId, headers: &Headers) {
        match self {
            Self::Bridged(_) => {}
            Self::Carried(Carried { named, .. }) | Self::Sent(named) => {
                named.numbered(id, headers);
            }
            Self::Requested(requested) => requested.numbered(id, headers),
        }
    }
}
