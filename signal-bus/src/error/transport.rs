//! What goes wrong on the way to other processes.

use std::{fmt, sync::Arc};

/// Why a transport did not do what it was asked to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransportError {
    fault: TransportFault,
    reason: Arc<str>,
}

/// What kind of fault it is, for programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransportFault {
    /// There is no connection, or no answer in time; nobody has the message.
    Unreachable,
    /// The engine may have the message or not: it was sent, and what became of it was not heard. To publish the same
    /// signal again may deliver it twice.
    Unknown,
    /// The credentials are wrong, or do not permit this.
    Unauthorized,
    /// What the transport needs is not there: a stream, a bucket.
    Missing,
    /// The message is larger than the engine takes.
    TooLarge {
        /// The size of the message in bytes, as far as it counts.
        size: usize,
        /// The engine's limit in bytes.
        limit: usize,
    },
    /// The engine has no room, and was told not to make some.
    Full,
    /// The value, or a header, has no form in which it could travel.
    Unfit,
    /// To travel takes waiting, and the call does not wait: `try_publish`, or a plain `fn`. Nobody has the message.
    MustWait,
    /// Nobody serves the topic of a request; nobody has got it.
    NoResponders,
    /// The transport cannot do this.
    Unsupported,
    /// The engine has refused it otherwise.
    Refused,
    /// The transport was drained.
    Closed,
}

impl TransportError {
    /// An error, with its reason in words: what is wrong, where, and what to do.
    pub fn new(fault: TransportFault, reason: impl Into<String>) -> Self {
        Self {
            fault,
            reason: reason.into().into(),
        }
    }

    /// The answer of a transport that carries no requests.
    pub(crate) fn without_requests() -> Self {
        Self::new(
            TransportFault::Unsupported,
            "this transport carries no requests",
        )
    }

    /// What kind of fault it is.
    #[must_use]
    pub fn fault(&self) -> TransportFault {
        self.fault
    }

    /// Whether to try again cannot mend it.
    pub(crate) fn is_permanent(&self) -> bool {
        match self.fault {
            TransportFault::Unreachable
            | TransportFault::Unknown
            | TransportFault::Full
            | TransportFault::NoResponders
            | TransportFault::Refused => false,
            TransportFault::Unauthorized
            | TransportFault::Missing
            | TransportFault::TooLarge { .. }
            | TransportFault::Unfit
            | TransportFault::MustWait
            | TransportFault::Unsupported
            | TransportFault::Closed => true,
        }
    }

    /// Whether the message may have got through all the same.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.fault == TransportFault::Unknown
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for TransportError {}
