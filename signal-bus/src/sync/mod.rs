//! What threads meet at: the standard library's locks and atomics, and tokio's notice; or those of loom, which tries every order
//! of the steps that are made with them.
//!
//! Loom's are there in the models of the crate only (`cargo xtask loom`), whatever `--cfg` somebody compiles his own program with. What is
//! changed under one of these locks alone needs none of them, and neither does what is counted for a report.

pub(crate) mod lock;

#[cfg(not(all(loom, test)))]
mod primitives {
    pub(crate) use std::sync::{
        Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize},
    };

    pub(crate) use tokio::sync::Notify;
}

#[cfg(all(loom, test))]
mod primitives {
    use std::{sync::LockResult, time::Duration};

    use loom::sync::{self, atomic::Ordering};
    use tokio::sync::futures::Notified;

    pub(crate) use loom::sync::{
        Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize},
    };

    /// tokio's, of which each use is one step: loom does not look inside, but lets others go before it.
    #[derive(Default, Debug)]
    pub(crate) struct Notify {
        notify: tokio::sync::Notify,
        steps: AtomicUsize,
    }

    impl Notify {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn notified(&self) -> Notified<'_> {
            self.step();
            self.notify.notified()
        }

        pub(crate) fn notify_waiters(&self) {
            self.step();
            self.notify.notify_waiters();
        }

        fn step(&self) {
            self.steps.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Loom's, whose waits have no limit: in a model no time passes.
    #[derive(Default, Debug)]
    pub(crate) struct Condvar(sync::Condvar);

    impl Condvar {
        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }

        pub(crate) fn wait_timeout_while<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            _limit: Duration,
            mut waits: impl FnMut(&mut T) -> bool,
        ) -> LockResult<(MutexGuard<'a, T>, ())> {
            while waits(&mut guard) {
                guard = self.0.wait(guard).expect("nobody has panicked");
            }
            Ok((guard, ()))
        }
    }
}

pub(crate) use lock::{Lock, Locked};
pub(crate) use primitives::{
    AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Notify, RwLock,
    RwLockReadGuard, RwLockWriteGuard,
};
