//! Who has the lease of a periodic function that runs once in a cluster.

use std::fmt;

/// Who has the lease of a periodic function that runs [once in a cluster](macro@crate::periodic#once-in-a-cluster), as far as this bus
/// knows.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LeaseState {
    /// This bus: the clock's calls run here.
    Held,
    /// Another bus.
    HeldBy {
        /// The number of its process, and what the bus is called in `Signal-Sender`: `4711-3fa9…`.
        holder: String,
    },
    /// Nobody that this bus knows of, and it does not run here.
    NotHeld {
        /// Why this bus has not got it.
        reason: String,
    },
}

impl fmt::Display for LeaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => f.write_str("has the lease"),
            Self::HeldBy { holder } => write!(f, "leaves the lease to {holder}"),
            Self::NotHeld { reason } => write!(f, "has no lease: {reason}"),
        }
    }
}
