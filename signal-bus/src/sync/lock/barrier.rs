//! A memory barrier of which one side is free: whoever comes seldom pays for whoever comes all the time.
//!
//! Of two threads that each write first and then read what the other writes, at least one sees what the other has written, if there is
//! a full barrier between the two steps of both. Here one thread only keeps the compiler from changing their order ([`light`]), and the
//! other has the kernel put a barrier into every running thread of the process ([`heavy`]): membarrier(2) of Linux, "the effect on the
//! other threads is as if they had executed a memory barrier". Others go the same way, with the same argument: `folly::asymmetricThreadFence`,
//! and userspace RCU (liburcu).

#[cfg(not(all(loom, test)))]
pub(super) use of_the_kernel::{MAY_BE, heavy, is_ready, light};

#[cfg(all(loom, test))]
pub(super) use modelled::{heavy, is_ready, light};

#[cfg(all(not(all(loom, test)), target_os = "linux", not(miri)))]
mod of_the_kernel {
    use std::{
        sync::atomic::{AtomicBool, Ordering, compiler_fence},
        thread,
        time::Duration,
    };

    use rustix::thread::{MembarrierCommand, membarrier};

    /// Whether there is one at all.
    pub(in crate::sync::lock) const MAY_BE: bool = true;

    /// Whether the kernel will do it.
    static READY: AtomicBool = AtomicBool::new(false);
    static ASKED: AtomicBool = AtomicBool::new(false);

    /// Whether [`heavy`] can be had in this process; who asks first has it made ready.
    ///
    /// The kernel takes some milliseconds for that where there are other threads, so it is done beside them. Where it refuses, because
    /// it is too old (Linux 4.14) or something forbids it, the answer stays no.
    pub(in crate::sync::lock) fn is_ready() -> bool {
        if READY.load(Ordering::Acquire) {
            return true;
        }
        // Where it never is ready, to look costs less than to ask each time.
        if !ASKED.load(Ordering::Relaxed) && !ASKED.swap(true, Ordering::Relaxed) {
            let makes = thread::Builder::new().name("signal-bus barrier".to_owned());
            // Without that thread it is never ready, and nothing is wrong.
            drop(makes.spawn(|| READY.store(register(), Ordering::Release)));
        }
        false
    }

    fn register() -> bool {
        membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
    }

    #[inline]
    pub(in crate::sync::lock) fn light() {
        compiler_fence(Ordering::SeqCst);
    }

    /// Only once it [is ready](is_ready).
    pub(in crate::sync::lock) fn heavy() {
        let barrier = || membarrier(MembarrierCommand::PrivateExpedited).is_ok();
        let again = || register() && barrier();
        let slowly = || membarrier(MembarrierCommand::Global).is_ok();
        if !(barrier() || again() || slowly()) {
            forbidden();
        }
    }

    /// It was allowed once: the process has shut itself in since (seccomp). What a thread has written is seen by all long before this
    /// is over, for no processor keeps it to itself for more than some hundred nanoseconds.
    #[cold]
    #[expect(clippy::disallowed_methods, reason = "nobody else may go on either")]
    fn forbidden() {
        READY.store(false, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(all(not(all(loom, test)), any(not(target_os = "linux"), miri)))]
mod of_the_kernel {
    use std::sync::atomic::{Ordering, fence};

    pub(in crate::sync::lock) const MAY_BE: bool = false;

    /// Never: there is none.
    pub(in crate::sync::lock) fn is_ready() -> bool {
        false
    }

    pub(in crate::sync::lock) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(in crate::sync::lock) fn heavy() {
        fence(Ordering::SeqCst);
    }
}

#[cfg(all(loom, test))]
mod modelled {
    use loom::sync::atomic::{Ordering, fence};

    pub(in crate::sync::lock) fn is_ready() -> bool {
        true
    }

    pub(in crate::sync::lock) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(in crate::sync::lock) fn heavy() {
        fence(Ordering::SeqCst);
    }
}
