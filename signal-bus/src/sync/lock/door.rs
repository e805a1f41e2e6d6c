//! Who may be inside: one thread at a time.
//!
//! There is a latch, which an atomic exchange closes. A door may have a home thread, besides, that comes nearly always. Once that has
//! come often enough with nobody else between, it has the door to itself: it only writes down that it is inside. Whoever else comes
//! closes the latch, takes that right back, and waits until the home thread is out.
//!
//! Why never both are inside: the home thread writes that it is inside, and then looks whether it still has the right; who takes the
//! right back writes that, and then looks whether the home thread is inside. Between the two steps of each there is a
//! [`barrier`], so at least one of them sees what the other has written: the home thread goes back out, or the other
//! waits for it. Only who has closed the latch gives the right or takes it, and only the home thread gives it to itself.
//! This is a biased lock (Kawachiya, Koseki and Onodera, "Lock Reservation", OOPSLA 2002), for one thread that stays the same.

use std::{hint::spin_loop, marker::PhantomData, sync::atomic::Ordering};

use crate::sync::{
    AtomicBool, AtomicUsize,
    lock::{barrier, looks::Looks},
};

/// So long somebody lets others go on who finds the more the later he comes: a microsecond or two.
const PATIENCE: u32 = 64;
/// So often the home thread comes with nobody between before it has the door to itself: it saves as much as it costs to take that back,
/// some microseconds.
const OFTEN: usize = 1_000;
/// Each time it was taken back, it takes twice as often, up to this: then that costs some hundredths of what is saved.
const OFTEN_MAX: usize = 1 << 16;

/// A thread of the program that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Thread(pub(crate) usize);

impl Thread {
    const NOBODY: Self = Self(0);
}

#[cfg(not(all(loom, test)))]
mod here {
    use std::{cell::Cell, ptr};

    use tokio::runtime::{Handle, RuntimeFlavor};

    use crate::sync::lock::{barrier, door::Thread};

    impl Thread {
        /// This one.
        #[inline]
        pub(crate) fn here() -> Self {
            thread_local! {
                // Where it lies is what tells threads apart that run at the same time.
                static HERE: Cell<u8> = const { Cell::new(0) };
            }
            Self(HERE.with(|here| ptr::from_ref(here).addr()))
        }

        /// This one, if it is the only one of a runtime, and may have a door to itself.
        pub(crate) fn of_a_runtime() -> Option<Self> {
            if barrier::is_ready() == Some(false) {
                return None;
            }
            let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
            let alone = matches!(flavor, Ok(RuntimeFlavor::CurrentThread));
            if alone {
                barrier::ask();
            }
            alone.then(Self::here)
        }
    }
}

#[derive(Debug)]
pub(crate) struct Door {
    /// Nobody, if none is to have the door to itself. Written behind the latch only.
    home: AtomicUsize,
    /// Whether that has the door to itself. Written behind the latch only.
    reserved: AtomicUsize,
    /// Whether it is inside because it has. Nobody else writes this.
    home_inside: AtomicBool,
    latch: AtomicBool,
    /// How often the home thread has come without others between. Only behind the latch, as what is next.
    alone: AtomicUsize,
    often: AtomicUsize,
}

/// Somebody is inside; to drop it lets the next one in.
///
/// It stays on its thread, for only that one may be inside as the home thread.
#[derive(Debug)]
pub(crate) struct Held<'door>(&'door AtomicBool, PhantomData<*const ()>);

impl<'door> Held<'door> {
    #[inline]
    fn by(inside: &'door AtomicBool) -> Self {
        Self(inside, PhantomData)
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Door {
    pub(crate) fn new(home: Option<Thread>) -> Self {
        Self::reserved_after(OFTEN, home)
    }

    pub(crate) fn reserved_after(often: usize, home: Option<Thread>) -> Self {
        Self {
            home: AtomicUsize::new(home.unwrap_or(Thread::NOBODY).0),
            reserved: AtomicUsize::new(Thread::NOBODY.0),
            home_inside: AtomicBool::new(false),
            latch: AtomicBool::new(false),
            alone: AtomicUsize::new(0),
            often: AtomicUsize::new(often),
        }
    }

    /// Waits until nobody is inside, and goes in; whoever was there before has done all it did.
    #[inline]
    pub(crate) fn enter(&self, here: Thread) -> Held<'_> {
        match self.try_enter(here) {
            Some(held) => held,
            None => self.wait(here),
        }
    }

    /// As [`enter`](Self::enter), for one who finds the more the later he comes.
    #[inline]
    pub(crate) fn enter_late(&self, here: Thread) -> Held<'_> {
        match self.try_enter(here) {
            Some(held) => held,
            None => self.wait_long(here),
        }
    }

    /// Goes in if nobody is inside, where there is no home thread; with one, it may wait for that.
    #[inline]
    pub(crate) fn try_enter(&self, here: Thread) -> Option<Held<'_>> {
        if self.is_reserved(here) {
            if let Some(held) = self.enter_home(here) {
                return Some(held);
            }
        }
        self.close_latch(here)
    }

    /// Whether this thread has the door to itself.
    #[inline]
    fn is_reserved(&self, here: Thread) -> bool {
        self.reserved.load(Ordering::Relaxed) == here.0
    }

    /// Goes in as the home thread, unless that is inside, or has the door not to itself any more.
    #[inline]
    pub(crate) fn enter_home(&self, here: Thread) -> Option<Held<'_>> {
        // Another thread may have been here where this one is; that has ended before.
        if self.home_inside.load(Ordering::Acquire) {
            return None;
        }
        self.home_inside.store(true, Ordering::Relaxed);
        // Gone again on the way back, as at the end.
        let held = Held::by(&self.home_inside);
        barrier::light();
        self.is_reserved(here).then_some(held)
    }

    /// Goes in as everybody may, if nobody else has.
    #[inline]
    fn close_latch(&self, here: Thread) -> Option<Held<'_>> {
        let closed = self
            .latch
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        closed.ok()?;
        let held = Held::by(&self.latch);
        let home = Thread(self.home.load(Ordering::Relaxed));
        if home != Thread::NOBODY && self.pass_latch(here, home) {
            // It is inside as it will be from now on, so that it waits for itself if it comes again.
            self.home_inside.store(true, Ordering::Relaxed);
            drop(held);
            return Some(Held::by(&self.home_inside));
        }
        Some(held)
    }

    /// Notes who has come, behind the latch; whether he has the door to himself now.
    #[inline(never)]
    fn pass_latch(&self, here: Thread, home: Thread) -> bool {
        // One that is inside, and comes again, waits for itself, as with each lock.
        let reserved = self.reserved.load(Ordering::Relaxed);
        if reserved != Thread::NOBODY.0 {
            self.take_back();
        }
        let alone = match here == home {
            true => self.alone.load(Ordering::Relaxed) + 1,
            false => 0,
        };
        let often = here == home && alone >= self.often.load(Ordering::Relaxed);
        let ready = if often { barrier::is_ready() } else { None };
        if ready == Some(false) {
            self.home.store(Thread::NOBODY.0, Ordering::Relaxed);
        }
        let reserves = ready == Some(true);
        if reserves {
            self.reserved.store(here.0, Ordering::Relaxed);
        }
        self.alone
            .store(if reserves { 0 } else { alone }, Ordering::Relaxed);
        reserves
    }

    /// Takes the door back from the home thread, and waits until that is out.
    #[cold]
    fn take_back(&self) {
        self.reserved.store(Thread::NOBODY.0, Ordering::Relaxed);
        barrier::heavy();
        let mut looks = Looks::default();
        while self.home_inside.load(Ordering::Acquire) {
            looks.rest();
        }
        let often = self.often.load(Ordering::Relaxed) * 2;
        self.often.store(often.min(OFTEN_MAX), Ordering::Relaxed);
    }

    #[cold]
    fn wait_long(&self, here: Thread) -> Held<'_> {
        (0..PATIENCE).for_each(|_| spin_loop());
        self.enter(here)
    }

    #[cold]
    fn wait(&self, here: Thread) -> Held<'_> {
        let mut looks = Looks::default();
        loop {
            // To look costs others less than to try.
            let free = !self.latch.load(Ordering::Relaxed);
            if let Some(held) = free.then(|| self.try_enter(here)).flatten() {
                return held;
            }
            looks.rest();
        }
    }
}
