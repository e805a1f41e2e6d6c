//! How fast something went: told by tests, and never asserted.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

/// So many in so much time, by the clock on the wall.
pub(crate) struct Rate {
    count: u64,
    time: Duration,
}

impl Rate {
    pub(crate) fn since(begun: Instant, count: u64) -> Self {
        let time = begun.elapsed();
        Self { count, time }
    }
}

impl Display for Rate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { count, time } = self;
        let each = *count as f64 / time.as_secs_f64();
        write!(f, "{count} in {time:.1?}, {each:.0}/s")
    }
}
