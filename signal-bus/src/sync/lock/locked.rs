//! What the door of the lock lets one at a time have.
//!
//! The only `unsafe` of the crate: there is no safe cell that two doors lead to, one for the home thread and one for all others.

#![expect(
    unsafe_code,
    reason = "that one at a time is in is the promise of the door, which models of loom try"
)]

use std::{
    cell::UnsafeCell,
    fmt,
    ops::{Deref, DerefMut},
};

use crate::sync::lock::door::{Door, Held, Thread};

/// A value for one thread at a time.
pub(crate) struct Lock<T> {
    door: Door,
    value: UnsafeCell<T>,
}

// SAFETY: whoever has a reference to the value is inside the door, and nobody else is meanwhile (`Door`, which is told here, and by nobody else,
// which thread comes). So threads have the value by turns, as if it was sent from one to the next. What one has done is seen by the
// next, for who goes in has seen that the one before has gone out.
unsafe impl<T: Send> Sync for Lock<T> {}

/// The value, for whoever is inside; to drop it gives the lock back.
pub(crate) struct Locked<'lock, T> {
    lock: &'lock Lock<T>,
    _inside: Held<'lock>,
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("door", &self.door)
            .finish_non_exhaustive()
    }
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self::of(value, None)
    }

    /// The thread that makes it is its home, if it is the only one of a runtime.
    pub(crate) fn at_home(value: T) -> Self {
        Self::of(value, Thread::of_a_runtime())
    }

    fn of(value: T, home: Option<Thread>) -> Self {
        Self {
            door: Door::new(home),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes it if it is free; for one that has no home.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Locked<'_, T>> {
        let held = self.door.try_enter(Thread::here());
        held.map(|held| self.inside(held))
    }

    #[inline]
    pub(crate) fn lock(&self) -> Locked<'_, T> {
        self.inside(self.door.enter(Thread::here()))
    }

    /// As [`lock`](Self::lock), for one who finds the more the later he comes: he lets others go on for a while.
    #[inline]
    pub(crate) fn lock_late(&self) -> Locked<'_, T> {
        self.inside(self.door.enter_late(Thread::here()))
    }

    #[inline]
    fn inside<'lock>(&'lock self, held: Held<'lock>) -> Locked<'lock, T> {
        Locked {
            lock: self,
            _inside: held,
        }
    }
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: it is inside the door, which nobody else is, and what it lends is not longer lent than it is.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; and it is borrowed itself meanwhile, so it lends nothing else.
        unsafe { &mut *self.lock.value.get() }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Barrier,
            atomic::{AtomicBool, Ordering},
        },
        thread,
    };

    use super::Lock;

    #[test]
    fn one_at_a_time_has_it() {
        const THREADS: usize = 4;
        const TURNS: usize = 10_000;
        let (lock, begin) = (Lock::new((0_usize, 0_usize)), Barrier::new(THREADS));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    begin.wait();
                    for turn in 0..TURNS {
                        let mut counts = match turn % 2 {
                            0 => lock.lock(),
                            _ => lock.lock_late(),
                        };
                        counts.0 += 1;
                        let other = counts.1 + 1;
                        counts.1 = other;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), (THREADS * TURNS, THREADS * TURNS));
    }

    #[tokio::test]
    async fn one_at_a_time_has_it_beside_the_home_thread() {
        const COMES: usize = 200;
        let (lock, end) = (Lock::at_home((0_usize, 0_usize)), AtomicBool::new(false));
        // The runtime of a test has one thread, which is this.
        let turns = thread::scope(|scope| {
            let comes = scope.spawn(|| {
                for _ in 0..COMES {
                    let mut counts = lock.lock();
                    counts.0 += 1;
                    let other = counts.1 + 1;
                    counts.1 = other;
                    drop(counts);
                    // Meanwhile the home thread has the lock to itself again.
                    (0..100).for_each(|_| thread::yield_now());
                }
                end.store(true, Ordering::Relaxed);
            });
            let mut turns = 0;
            while !end.load(Ordering::Relaxed) {
                let mut counts = lock.lock();
                counts.0 += 1;
                let other = counts.1 + 1;
                counts.1 = other;
                turns += 1;
            }
            comes.join().map(|()| turns)
        });
        let turns = turns.ok().map(|turns| turns + COMES);
        assert_eq!(turns, Some(lock.lock().0));
        assert_eq!(turns, Some(lock.lock().1));
    }

    #[test]
    fn whoever_waits_gets_it_however_long_that_takes() {
        let (lock, begun) = (Lock::new(1), Barrier::new(2));
        thread::scope(|scope| {
            let mut locked = lock.lock();
            let waits = scope.spawn(|| {
                begun.wait();
                *lock.lock()
            });
            begun.wait();
            // Longer than somebody looks before he sleeps.
            (0..10_000).for_each(|_| thread::yield_now());
            *locked = 2;
            drop(locked);
            assert_eq!(waits.join().ok(), Some(2));
        });
    }

    #[test]
    fn a_panic_gives_it_back() {
        let lock = Lock::new(1);
        let panicked = thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _locked = lock.lock();
                panic!("with the lock");
            });
            panics.join()
        });
        assert!(panicked.is_err());
        assert_eq!(*lock.lock(), 1);
    }
}
