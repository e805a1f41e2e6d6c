//! Values that nobody has any more, whose place is used for others of their topic.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::signal::AnyValue;

/// So many are kept.
const POOL_MAX: usize = 1024;
/// And so many where signals come now and then.
const POOL_USUAL: usize = 4;

/// Values of one topic whose type has nothing to drop: to overwrite one costs less than to free it and to allocate another.
#[derive(Default)]
pub(crate) struct Pool {
    /// Whether somebody asks for them, who must know that there is nothing to drop.
    asked: AtomicBool,
    values: Mutex<Vec<Arc<AnyValue>>>,
}

impl Pool {
    /// One of the values, for a publisher whose type has nothing to drop.
    pub(crate) fn take(&self) -> Option<Arc<AnyValue>> {
        if !self.asked.load(Ordering::Relaxed) {
            self.asked.store(true, Ordering::Relaxed);
        }
        self.lock().pop()
    }

    /// Whether a publisher asks for values.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Takes in those that nobody else has.
    pub(super) fn keep(&self, values: impl Iterator<Item = Arc<AnyValue>>) {
        let mut kept = self.lock();
        for mut value in values {
            if kept.len() < POOL_MAX && Arc::get_mut(&mut value).is_some() {
                kept.push(value);
            }
        }
    }

    /// Gives back bit by bit what a burst has needed.
    pub(crate) fn part(&self) {
        if self.is_asked() {
            let mut kept = self.lock();
            let fewer = kept.len() - kept.len() / 16;
            kept.truncate(fewer.saturating_sub(1).max(POOL_USUAL));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<AnyValue>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({})", self.lock().len())
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
        assert_eq!(pool.lock().len(), POOL_MAX);
        for _ in 0..200 {
            pool.part();
        }
        assert_eq!(pool.lock().len(), POOL_USUAL);
    }
}
