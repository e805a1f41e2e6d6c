//! A memory barrier of which one side is free: whoever comes seldom pays for whoever comes all the time.
//!
//! Of two threads that each write first and then read what the other writes, at least one sees what the other has written, if there is
//! a full barrier between the two steps of both. Here one thread only keeps the compiler from changing their order ([`light`]), and the
//! other has the kernel put a barrier into every running thread of the process ([`heavy`]): membarrier(2) of Linux, "the effect on the
//! other threads is as if they had executed a memory barrier". Others go the same way, with the same argument: `folly::asymmetricThreadFence`,
//! and userspace RCU (liburcu).

#[cfg(not(all(loom, test)))]
pub(super) use of_the_kernel::{ask, heavy, is_ready, light};

#[cfg(all(loom, test))]
pub(super) use modelled::{heavy, is_ready, light};

#[cfg(all(not(all(loom, test)), target_os = "linux", not(miri)))]
mod of_the_kernel {
    use std::{
        sync::atomic::{AtomicU8, Ordering, compiler_fence},
        thread,
        time::Duration,
    };

    use rustix::thread::{MembarrierCommand, membarrier};

    static STATE: AtomicU8 = AtomicU8::new(UNASKED);
    const UNASKED: u8 = 0;
    const ASKED: u8 = 1;
    const READY: u8 = 2;
    const REFUSED: u8 = 3;

    /// Asks for [`heavy`] in this process; once is enough.
    ///
    /// The kernel takes some milliseconds for that where there are other threads, so it is done beside them.
    pub(in crate::sync::lock) fn ask() {
        if STATE.load(Ordering::Relaxed) == UNASKED
            && STATE.swap(ASKED, Ordering::Relaxed) == UNASKED
        {
            let makes = thread::Builder::new().name("signal-bus barrier".to_owned());
            let asks = || STATE.store(if register() { READY } else { REFUSED }, Ordering::Release);
            if makes.spawn(asks).is_err() {
                STATE.store(REFUSED, Ordering::Relaxed);
            }
        }
    }

    /// Whether [`heavy`] can be had; `None` as long as that is not known.
    ///
    /// Where the kernel refuses, because it is too old (Linux 4.14) or something forbids it, the answer stays no. (What kills a program for
    /// a system call that it does not know kills it here.)
    pub(in crate::sync::lock) fn is_ready() -> Option<bool> {
        match STATE.load(Ordering::Acquire) {
            READY => Some(true),
            REFUSED => Some(false),
            _ => None,
        }
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
        STATE.store(REFUSED, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(all(not(all(loom, test)), any(not(target_os = "linux"), miri)))]
mod of_the_kernel {
    use std::sync::atomic::{Ordering, fence};

    pub(in crate::sync::lock) fn ask() {}

    /// Never: there is none.
    pub(in crate::sync::lock) fn is_ready() -> Option<bool> {
        Some(false)
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

    pub(in crate::sync::lock) fn is_ready() -> Option<bool> {
        Some(true)
    }

    pub(in crate::sync::lock) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(in crate::sync::lock) fn heavy() {
        fence(Ordering::SeqCst);
    }
}
