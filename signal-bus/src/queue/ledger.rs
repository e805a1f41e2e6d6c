//! The counts of an exchange, taken at one moment.

use crate::{queue::stores::QueueId, report::Tally};

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) tallies: Vec<(QueueId, Tally)>,
    /// How many queues are gone, and what became of their signals.
    pub(crate) departed: (u64, Tally),
    pub(crate) over_capacity: u64,
    pub(crate) routed: u64,
}
