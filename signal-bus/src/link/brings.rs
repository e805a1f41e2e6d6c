//! Which of several subscriptions that overlap brings a topic.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::topic::pattern::Pattern;

/// The subscriptions of a connection that are of no group, the oldest first. The first of those that fit brings a topic.
#[derive(Default, Debug)]
pub(crate) struct Brings {
    asked: Mutex<Vec<(u64, Pattern)>>,
    /// Whether any two of them have topics in common; mostly none do, and nobody needs to look.
    overlap: AtomicBool,
}

impl Brings {
    pub(crate) fn add(&self, number: u64, pattern: &Pattern) {
        let mut asked = self.lock();
        asked.push((number, pattern.clone()));
        if overlaps(&asked) {
            self.overlap.store(true, Ordering::Release);
        }
    }

    pub(crate) fn remove(&self, number: u64) {
        let mut asked = self.lock();
        asked.retain(|(asked, _)| *asked != number);
        if self.overlap.load(Ordering::Acquire) {
            self.overlap.store(overlaps_any(&asked), Ordering::Release);
        }
    }

    /// Whether a subscription is the one that brings a topic.
    pub(crate) fn is_first(&self, number: u64, topic: &str) -> bool {
        if !self.overlap.load(Ordering::Acquire) {
            return true;
        }
        let asked = self.lock();
        let mut fitting = asked.iter().filter(|(_, pattern)| pattern.matches(topic));
        fitting.next().is_none_or(|(first, _)| *first == number)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Pattern)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the last one has topics in common with any other.
fn overlaps(asked: &[(u64, Pattern)]) -> bool {
    let Some(((_, last), others)) = asked.split_last() else {
        return false;
    };
    others.iter().any(|(_, other)| other.overlaps(last))
}

fn overlaps_any(asked: &[(u64, Pattern)]) -> bool {
    (0..asked.len()).any(|count| overlaps(&asked[..=count]))
}

#[cfg(test)]
mod tests {
    use super::Brings;
    use crate::topic::pattern::Pattern;

    #[test]
    fn of_those_that_overlap_the_oldest_brings_a_topic_as_long_as_it_is_there() {
        let brings = Brings::default();
        let add = |number, pattern| brings.add(number, &Pattern::new(pattern).unwrap());
        add(1, "a.b");
        add(2, "c");
        assert!(brings.is_first(2, "a.b"), "nothing overlaps");
        add(3, "a.>");
        assert!(brings.is_first(1, "a.b") && !brings.is_first(3, "a.b"));
        assert!(brings.is_first(3, "a.c") && brings.is_first(2, "c"));
        brings.remove(1);
        assert!(brings.is_first(3, "a.b"));
    }
}
