//! The numbers of generations: what was found out in one holds as long as no later one has begun.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of the next one, of whatever bus.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Begins a generation, whose number no other has, of whatever bus: what was found out under it holds nowhere else.
pub(crate) fn begin_generation() -> u64 {
    NEXT.fetch_add(1, Ordering::AcqRel)
}

/// Whether none was begun since, of whatever bus: then it holds still.
#[inline]
pub(crate) fn is_newest(generation: u64) -> bool {
    NEXT.load(Ordering::Acquire) == generation + 1
}

#[cfg(test)]
mod tests {
    use super::{begin_generation, is_newest};

    #[test]
    fn a_generation_is_not_the_newest_once_another_has_begun() {
        let first = begin_generation();
        let second = begin_generation();
        assert!(first < second);
        assert!(!is_newest(first));
        // Other tests begin generations, too.
        let found = (0..10_000).any(|_| is_newest(begin_generation()));
        assert!(found);
    }
}
