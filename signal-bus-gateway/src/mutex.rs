//! A lock that is never poisoned for long.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nobody panics while holding one of our locks; if somebody did, the others may go on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
