//! The numbers of generations: what was found out in one holds as long as no later one has begun.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of the next one, of whatever bus.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Begins a generation, whose number no other has, of whatever bus: what was found out under it holds nowhere else.
pub(crate) fn begin_generation() -> u64 {
    NEXT.fetch_add(1, Ordering::AcqRel)
}
