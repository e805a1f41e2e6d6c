//! What signals are called among all processes.

use std::{fmt, sync::Arc};

#[cfg(feature = "transport")]
use crate::signal::plain::Given;
use crate::signal::{headers::Headers, id::SignalId};

/// What a signal is called among all processes.
///
/// Most names are those that buses give; taken apart they need no memory of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(
    not(feature = "transport"),
    expect(dead_code, reason = "there is nobody to name it for")
)]
pub(crate) enum Name {
    /// As buses give it.
    #[cfg(feature = "transport")]
    Given(Given),
    /// As others write it.
    Other(Box<str>),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "transport")]
            Self::Given(given) => given.fmt(f),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// The names that a signal came or left with, and whoever remembers them for what its handlers publish.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// `None` where its headers say no more than its name: then that is taken from there.
    pub(crate) names: Option<Box<Names>>,
    pub(crate) by: Arc<dyn Remembers>,
}

/// The names of a signal, as its headers tell them.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// `None` if it came without one.
    pub(crate) own: Option<Name>,
    /// That of the first of all that led to it, if that is another one.
    pub(crate) root: Option<Name>,
}

impl Named {
    /// Says which id the signal of these headers has in this bus.
    #[cfg_attr(
        not(feature = "transport"),
        expect(unused_variables, reason = "nothing travels")
    )]
    pub(crate) fn numbered(&self, id: SignalId, headers: &Headers) {
        let names = self.names.as_ref();
        if let Some(names) = names {
            if let Some(own) = &names.own {
                self.by.remember(id, own, names.root.as_ref());
            }
        }
        #[cfg(feature = "transport")]
        if let (None, Some(plain)) = (names, headers.as_plain()) {
            self.by.remember_given(id, &plain.given);
        }
    }
}

/// Whoever remembers names.
pub(crate) trait Remembers: fmt::Debug + Send + Sync {
    /// Remembers those of a signal; under the lock of the queues, before anybody has it.
    fn remember(&self, id: SignalId, own: &Name, root: Option<&Name>);
    /// The same, where there is no more to say than the name that a bus has given.
    #[cfg(feature = "transport")]
    fn remember_given(&self, id: SignalId, given: &Given);
}
