//! A lock for what is held for some dozens of instructions, mostly, and more than once for each signal that comes alone, as the queues
//! of a bus are; or for what nobody ever waits for.
//!
//! To give back a lock of the standard library costs as much as to take it, for somebody may sleep who waits for it. Here nobody sleeps
//! for long: who finds it taken looks again, then lets other threads run, and only then sleeps, a little at a time. So it is given
//! back by a plain store.
//!
//! To take it costs an atomic exchange, which is a seventh of what a signal costs that one hears. A bus whose runtime has one thread is
//! spared that: what comes from there goes in and out by plain stores, until another thread wants to get in ([`door`]).
//!
//! In a model of loom it is one of loom's, which tries every order; the door has models of its own.

mod barrier;
pub(crate) mod door;
#[cfg(not(all(loom, test)))]
mod locked;
mod looks;

#[cfg(not(all(loom, test)))]
pub(crate) use locked::{Lock, Locked};

#[cfg(all(loom, test))]
pub(crate) use modelled::{Lock, Locked};

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

        pub(crate) fn at_home(value: T) -> Self {
            Self::new(value)
        }

        pub(crate) fn try_lock(&self) -> Option<Locked<'_, T>> {
            self.0.try_lock().ok()
        }

        pub(crate) fn lock_late(&self) -> Locked<'_, T> {
            self.lock()
        }
    }
}
