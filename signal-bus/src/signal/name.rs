//! What signals are called among all processes.

use std::{fmt, sync::Arc};

use crate::signal::id::SignalId;

/// What a signal is called among all processes.
///
/// Most names are those that buses give; taken apart they need no memory of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(
    not(feature = "transport"),
    expect(dead_code, reason = "there is nobody to name it for")
)]
pub(crate) enum Name {
    /// The bus that has given it, when in microseconds since 1970, and a number.
    Given {
        node: Arc<str>,
        time: u64,
        number: u64,
    },
    /// As others write it.
    Other(Box<str>),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given { node, time, number } => write!(f, "{node}-{time}-{number}"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// The names that a signal came or left with, and whoever remembers them for what its handlers publish.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// `None` if it came without one.
    pub(crate) own: Option<Name>,
    /// That of the first of all that led to it, if that is another one.
    ///
    /// In a box of its own: few have one, and what is made for each signal is better small.
    pub(crate) root: Option<Box<Name>>,
    pub(crate) by: Arc<dyn Remembers>,
}

impl Named {
    /// Says which id the signal has in this bus.
    pub(crate) fn numbered(&self, id: SignalId) {
        if let Some(own) = &self.own {
            self.by.remember(id, own, self.root.as_deref());
        }
    }
}

/// Whoever remembers names.
pub(crate) trait Remembers: fmt::Debug + Send + Sync {
    /// Remembers those of a signal; under the lock of the queues, before anybody has it.
    fn remember(&self, id: SignalId, own: &Name, root: Option<&Name>);
}
