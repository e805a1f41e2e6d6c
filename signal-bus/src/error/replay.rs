//! Dead letters that were not replayed.

use crate::{report::DeadLetterId, site::Site};

/// A dead letter that was not replayed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The bus is closed, or it drains and the call does not come from one of its handlers. The letter stays as long as the
    /// bus keeps letters.
    #[error("dead letter {id} was not replayed: the bus is closed")]
    Closed {
        /// The letter.
        id: DeadLetterId,
    },
    /// The subscription that failed has left the bus. The letter stays.
    #[error("dead letter {id} was not replayed: {subscriber} has left the bus")]
    SubscriptionGone {
        /// The letter.
        id: DeadLetterId,
        /// Who has failed.
        subscriber: Site,
    },
    /// The bus has no such letter, or not any more.
    #[error(
        "the bus does not keep a dead letter {id}: it was replayed already, or newer ones have taken its place \
         (`keep_dead_letters` says how many there may be)"
    )]
    NotKept {
        /// The letter.
        id: DeadLetterId,
    },
}
