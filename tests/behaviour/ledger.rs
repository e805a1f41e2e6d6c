//! The oracle of the tests that lose nothing: who published what, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;

use signal_bus::Stats;

/// A signal of a ledger: who published it, and its number among theirs.
pub(crate) type Numbered = (u32, u32);

/// Keeps what publishers and handlers saw.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accepted: Mutex<Vec<Numbered>>,
    refused: Mutex<Vec<Numbered>>,
    handled: Mutex<Vec<Numbered>>,
}

impl Ledger {
    pub(crate) fn accept(&self, signal: Numbered) {
        self.accepted.lock().unwrap().push(signal);
    }

    pub(crate) fn accepted(&self) -> Vec<Numbered> {
        self.accepted.lock().unwrap().clone()
    }

    pub(crate) fn refuse(&self, signal: Numbered) {
        self.refused.lock().unwrap().push(signal);
    }

    pub(crate) fn handle(&self, signal: Numbered) {
        self.handled.lock().unwrap().push(signal);
    }

    /// Weighs one subscription's handled signals against the final counts of its bus, and prints the line.
    pub(crate) fn balance(&self, stats: &Stats) -> Balance {
        let accepted: BTreeSet<_> = self.accepted.lock().unwrap().iter().copied().collect();
        let refused: BTreeSet<_> = self.refused.lock().unwrap().iter().copied().collect();
        let order = self.handled.lock().unwrap().clone();
        let handled: BTreeSet<_> = order.iter().copied().collect();
        let mut latest = BTreeMap::new();
        let mut out_of_order = 0;
        for (publisher, number) in &order {
            let last = latest.entry(publisher).or_insert(number);
            out_of_order += usize::from(number < *last);
            *last = number;
        }
        let total = stats.total;
        let gone = usize::try_from(total.dead + total.dropped + total.abandoned).unwrap();
        let missing = accepted.difference(&handled).count();
        let balance = Balance {
            accepted: accepted.len(),
            done: handled.len(),
            dead: total.dead,
            dropped: total.dropped,
            abandoned: total.abandoned,
            lost: missing.saturating_sub(gone),
            ghost: handled.difference(&accepted).count() + handled.intersection(&refused).count(),
            duplicates: order.len() - handled.len(),
            out_of_order,
        };
        println!("{balance}");
        balance
    }
}

/// One line of a ledger.
#[derive(Debug)]
pub(crate) struct Balance {
    pub(crate) accepted: usize,
    pub(crate) done: usize,
    pub(crate) dead: u64,
    pub(crate) dropped: u64,
    pub(crate) abandoned: u64,
    pub(crate) lost: usize,
    pub(crate) ghost: usize,
    pub(crate) duplicates: usize,
    pub(crate) out_of_order: usize,
}

impl Balance {
    /// Every accepted signal was handled once, in order, and no other was.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        let faults = (self.lost, self.ghost, self.duplicates, self.out_of_order);
        assert_eq!(faults, (0, 0, 0, 0), "{self}");
        assert_eq!(self.done, self.accepted, "{self}");
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accepted,
            done,
            dead,
            dropped,
            abandoned,
            lost,
            ghost,
            duplicates,
            out_of_order,
        } = self;
        write!(
            f,
            "ledger: accepted {accepted}, done {done}, dead {dead}, dropped {dropped}, "
        )?;
        write!(f, "abandoned {abandoned}, lost {lost}, ghost {ghost}, ")?;
        write!(f, "duplicates {duplicates}, out of order {out_of_order}")
    }
}

/// The equation that holds at any moment, for each subscription.
#[track_caller]
pub(crate) fn assert_adds_up(stats: &Stats) {
    for subscription in &stats.subscriptions {
        let tally = subscription.tally;
        let sum = tally.done + tally.dead + tally.dropped + tally.abandoned + tally.outstanding;
        assert_eq!(tally.accepted, sum, "{} {tally}", subscription.site);
    }
}
