//! Values that nobody has any more, whose place is used for others of their topic.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::signal::AnyValue;

/// So many are kept.
const POOL_MAX: usize = 1024;
/// And so many where signals come now and then.
const POOL_USUAL: usize = 4;

/// Values of one topic whose type has nothing to drop: to overwrite one costs less than to free it and to allocate another.
#[derive(Default)]
pub(crate) struct Pool {
    /// Nothing before somebody asks for them, who must know that there is nothing to drop.
    values: OnceLock<Box<Values>>,
}

type Values = Mutex<Vec<Arc<AnyValue>>>;

impl Pool {
    /// One of the values, for a publisher whose type has nothing to drop.
    pub(crate) fn take(&self) -> Option<Arc<AnyValue>> {
        lock(self.values.get_or_init(Box::default)).pop()
    }

    /// Whether a publisher asks for values.
    pub(super) fn is_asked(&self) -> bool {
        self.values.get().is_some()
    }

    /// Takes in those that nobody else has.
    pub(super) fn keep(&self, values: impl Iterator<Item = Arc<AnyValue>>) {
        let Some(kept) = self.values.get() else {
            return;
        };
        let mut kept = lock(kept);
        for mut value in values {
            if kept.len() < POOL_MAX && Arc::get_mut(&mut value).is_some() {
                kept.push(value);
            }
        }
    }

    /// Gives back bit by bit what a burst has needed.
    pub(crate) fn part(&self) {
        if let Some(kept) = self.values.get() {
            let mut kept = lock(kept);
            let fewer = kept.len() - kept.len() / 16;
            kept.truncate(fewer.saturating_sub(1).max(POOL_USUAL));
        }
    }

    fn len(&self) -> usize {
        self.values.get().map_or(0, |kept| lock(kept).len())
    }
}

fn lock(values: &Values) -> MutexGuard<'_, Vec<Arc<AnyValue>>> {
    values.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{POOL_MAX, POOL_USUAL, Pool};
    use crate::signal::AnyValue;

    #[test]
    fn only_what_nobody_else_has_is_kept() {
        let pool = Pool::default();
        assert!(pool.take().is_none());
        let (alone, shared): (Arc<AnyValue>, Arc<AnyValue>) = (Arc::new(1_u32), Arc::new(2_u32));
        let (weak, other) = (Arc::downgrade(&shared), Arc::clone(&shared));
        let watched: Arc<AnyValue> = Arc::new(3_u32);
        let watcher = Arc::downgrade(&watched);
        pool.keep([alone, shared, watched].into_iter());
        let kept = pool.take().unwrap();
        assert_eq!(kept.downcast_ref(), Some(&1_u32));
        assert!(pool.take().is_none());
        drop(other);
        assert!(weak.upgrade().is_none() && watcher.upgrade().is_none());
    }

    #[test]
    fn a_burst_is_kept_up_to_a_limit_and_given_back_bit_by_bit() {
        let pool = Pool::default();
        assert!(pool.take().is_none());
        pool.keep((0..2 * POOL_MAX).map(|value| Arc::new(value) as Arc<AnyValue>));
        assert_eq!(pool.len(), POOL_MAX);
        for _ in 0..200 {
            pool.part();
        }
        assert_eq!(pool.len(), POOL_USUAL);
    }
}
