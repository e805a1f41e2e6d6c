//! What the members of a group have in common: they share one queue.

use crate::{
    registry::subscriber::{Batch, Overflow},
    signal::Kind,
    topic::pattern::Pattern,
};

/// On what a member would share a queue.
pub(crate) struct Terms {
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) kind: Option<Kind>,
    /// Whether its signals are read by hand.
    pub(crate) pulled: bool,
    pub(crate) batch: Option<Batch>,
    pub(crate) capacity: usize,
    pub(crate) overflow: Overflow,
    /// Whether it has a filter or a key.
    pub(crate) selective: bool,
}

impl Terms {
    /// Whether a signal can be meant for both. Otherwise they have nothing to share, whatever their groups are called.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|one| other.patterns.iter().any(|two| one.overlaps(two)))
    }

    /// What both would need to be in one group, and lack.
    pub(crate) fn lacks(&self, other: &Self) -> Option<&'static str> {
        let needs = [
            (sorted(self) == sorted(other), "the same topics"),
            (self.kind == other.kind, "the same type of signal"),
            (
                self.pulled == other.pulled,
                "to be either all read by hand or all called",
            ),
            (self.batch == other.batch, "the same batches"),
            (self.capacity == other.capacity, "the same capacity"),
            (self.overflow == other.overflow, "the same overflow policy"),
            (
                !self.selective && !other.selective,
                "to take every signal as it comes, without a filter and a key",
            ),
        ];
        let lacking = needs.into_iter().find(|(met, _)| !met);
        lacking.map(|(_, need)| need)
    }
}

fn sorted(terms: &Terms) -> Vec<&str> {
    let mut patterns: Vec<_> = terms.patterns.iter().map(Pattern::as_str).collect();
    patterns.sort_unstable();
    patterns.dedup();
    patterns
}
