//! The counts of an exchange, taken at one moment.

use crate::report::Tally;

/// What became of every signal, by queue.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) tallies: Vec<Tally>,
    pub(crate) over_capacity: u64,
    pub(crate) routed: u64,
}
