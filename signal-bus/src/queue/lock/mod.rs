//! The lock around all queues of a bus.
//!
//! It is held for some dozens of instructions, mostly, and more than once for each signal that comes alone. To give back a lock of
//! the standard library costs as much as to take it, for somebody may sleep who waits for it. Here nobody sleeps for long: who
//! finds it taken looks again, then lets other threads run, and only then sleeps, a little at a time. So it is given back by a
//! plain store.
//!
//! In a model of loom it is one of loom's, which tries every order.

#[cfg(not(all(loom, test)))]
mod spinning;

#[cfg(not(all(loom, test)))]
pub(super) use spinning::{Lock, Locked};

#[cfg(all(loom, test))]
pub(super) use modelled::{Lock, Locked};

#[cfg(all(loom, test))]
mod modelled {
    use std::sync::PoisonError;

    use crate::sync::{Mutex, MutexGuard};

    #[derive(Debug)]
    pub(crate) struct Lock<T>(Mutex<T>);

    pub(crate) type Locked<'lock, T> = MutexGuard<'lock, T>;

    impl<T> Lock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Locked<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn lock_late(&self) -> Locked<'_, T> {
            self.lock()
        }
    }
}
