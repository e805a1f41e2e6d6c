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
    /// The type of its replies, if it replies to requests.
    pub(crate) replies: Option<Kind>,
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

    /// What both would need to be in one group, and lack; with what each has of it.
    pub(crate) fn lacks(&self, other: &Self) -> Option<(&'static str, String)> {
        let ways = |terms: &Self| {
            if terms.pulled {
                "`subscribe`"
            } else {
                "`listen`, or an attribute"
            }
        };
        let (one, two) = (self, other);
        let (patterns, others) = (sorted(one).join("`, `"), sorted(two).join("`, `"));
        let kinds = [one, two].map(|terms| terms.kind.map_or("any type", |kind| kind.name));
        let overflows = [one, two].map(|terms| terms.overflow.written());
        let replies = [one, two].map(|terms| match terms.replies {
            Some(kind) => format!("`{}`", kind.name),
            None => "none".to_owned(),
        });
        let batches = [one, two].map(|terms| match terms.batch {
            Some(Batch { size, within: None }) => format!("batch {size}"),
            Some(Batch {
                size,
                within: Some(within),
            }) => format!("batch {size} within {within:?}"),
            None => "no batch".to_owned(),
        });
        let needs = [
            (
                patterns == others,
                "the same topics",
                format!("`{patterns}`, and here `{others}`"),
            ),
            (
                one.kind == two.kind,
                "the same type of signal",
                format!("`{}`, and here `{}`", kinds[0], kinds[1]),
            ),
            (
                one.pulled == two.pulled,
                "to begin in the same way",
                format!("{}, and here {}", ways(one), ways(two)),
            ),
            (
                one.replies == two.replies,
                "the same replies",
                format!("{}, and here {}", replies[0], replies[1]),
            ),
            (
                one.batch == two.batch,
                "the same batches",
                format!("{}, and here {}", batches[0], batches[1]),
            ),
            (
                one.capacity == two.capacity,
                "the same capacity",
                format!("{}, and here {}", one.capacity, two.capacity),
            ),
            (
                one.overflow == two.overflow,
                "the same overflow policy",
                format!("{}, and here {}", overflows[0], overflows[1]),
            ),
            (
                !one.selective && !two.selective,
                "to take every signal as it comes",
                "one has a filter or a key".to_owned(),
            ),
        ];
        let lacking = needs.into_iter().find(|(met, ..)| !met);
        lacking.map(|(_, need, differs)| (need, differs))
    }
}

fn sorted(terms: &Terms) -> Vec<&str> {
    let mut patterns: Vec<_> = terms.patterns.iter().map(Pattern::as_str).collect();
    patterns.sort_unstable();
    patterns.dedup();
    patterns
}
