//! A lock whose waiters look again and again.

use std::{hint::spin_loop, thread, time::Duration};

use spin::mutex::{SpinMutex, SpinMutexGuard};

/// So often somebody looks before he lets other threads run: for as long as the lock is usually held.
const LOOKS: u32 = 100;
/// And so often in all before he sleeps: whoever has the lock is not running, or has much to do.
const LOOKS_AWAKE: u32 = 200;
/// So long somebody lets others go on who finds the more the later he comes: a microsecond or two.
const PATIENCE: u32 = 64;
/// He sleeps for as long, so that whoever has the lock comes to run, however little its thread counts.
const NAP: Duration = Duration::from_micros(50);

#[derive(Debug)]
pub(crate) struct Lock<T>(SpinMutex<T>);

pub(crate) type Locked<'lock, T> = SpinMutexGuard<'lock, T>;

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(SpinMutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> Locked<'_, T> {
        match self.0.try_lock() {
            Some(locked) => locked,
            None => self.wait(),
        }
    }

    /// As [`lock`](Self::lock), for one who finds the more the later he comes: he lets others go on for a while.
    #[inline]
    pub(crate) fn lock_late(&self) -> Locked<'_, T> {
        match self.0.try_lock() {
            Some(locked) => locked,
            None => self.wait_long(),
        }
    }

    #[cold]
    fn wait_long(&self) -> Locked<'_, T> {
        (0..PATIENCE).for_each(|_| spin_loop());
        self.lock()
    }

    #[cold]
    #[expect(
        clippy::disallowed_methods,
        reason = "to wait for the lock blocks the thread, as it does everywhere"
    )]
    fn wait(&self) -> Locked<'_, T> {
        let mut looks = 0_u32;
        loop {
            // To look costs others less than to try.
            if !self.0.is_locked() {
                if let Some(locked) = self.0.try_lock() {
                    return locked;
                }
            }
            match looks {
                ..LOOKS => spin_loop(),
                LOOKS..LOOKS_AWAKE => thread::yield_now(),
                LOOKS_AWAKE.. => {
                    thread::sleep(NAP);
                    // Where it is free for short whiles only, one look after each sleep would miss many.
                    looks = 0;
                    continue;
                }
            }
            looks += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

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
