//! What is woken, and what a thread notes of that.

use std::{
    any::Any,
    cell::Cell,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use tokio::{
    runtime::{Handle, Id},
    task,
};

use crate::{
    caller,
    guarded::discard,
    sync::{Lock, Locked},
};

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What whoever may wake a task holds of it.
pub(super) struct Mount {
    runtime: Id,
    /// Where it is polled by the runtime, once it was.
    home: OnceLock<Home>,
    /// It is held for as long as the future is polled. Tasks of a runtime of one thread are polled there only, so nobody ever waits for it:
    /// who finds it taken is in that very poll.
    ride: Lock<Ride>,
    given_up: AtomicBool,
    /// Whether others may poll it, too.
    is_rider: bool,
    /// How often it polls nobody else yet.
    rests: AtomicU32,
}

struct Home {
    waker: Waker,
    task: task::Id,
}

/// What others may poll; a driver that is no rider has nothing.
#[derive(Default)]
struct Ride {
    /// The future, and what wakes it, until it is over: each holds the other.
    going: Option<(Boxed, Waker)>,
    panic: Option<Box<dyn Any + Send>>,
}

impl Wake for Mount {
    fn wake(self: Arc<Self>) {
        note(self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        note(Arc::clone(self));
    }
}

impl Mount {
    pub(super) fn new(runtime: &Handle, is_rider: bool) -> Self {
        Self {
            is_rider,
            runtime: runtime.id(),
            home: OnceLock::new(),
            ride: Lock::new(Ride::default()),
            given_up: AtomicBool::new(false),
            rests: AtomicU32::new(0),
        }
    }

    /// Takes what others may poll.
    pub(super) fn takes(self: &Arc<Self>, future: Boxed) {
        let waker = Waker::from(Arc::clone(self));
        if let Some(mut ride) = self.ride.try_lock() {
            ride.going = Some((future, waker));
        }
    }

    /// Learns where the runtime polls it.
    #[inline]
    pub(super) fn is_at_home(&self, waker: &Waker) {
        self.home.get_or_init(|| Home {
            // That of a task stays the same.
            waker: waker.clone(),
            task: task::id(),
        });
    }

    /// Lets it poll nobody else so often.
    pub(super) fn rests_for(&self, polls: u32) {
        self.rests.store(polls, Ordering::Relaxed);
    }

    /// Whether it polls nobody else this time.
    #[inline]
    pub(super) fn rests(&self) -> bool {
        let rests = self.rests.load(Ordering::Relaxed);
        if 0 < rests {
            self.rests.store(rests - 1, Ordering::Relaxed);
        }
        0 < rests
    }

    /// Leaves it to the runtime.
    pub(super) fn is_left(&self) {
        // Before it was polled for the first time the runtime knows.
        if let Some(home) = self.home.get() {
            home.waker.wake_by_ref();
        }
    }

    /// Has a turn where it was woken.
    pub(super) fn rides(&self) {
        let ended = match (self.home.get(), self.ride.try_lock()) {
            (Some(home), Some(ride)) if ride.going.is_some() => {
                caller::within(home.task, || self.goes_on(ride).is_ready())
            }
            _ => true,
        };
        if ended {
            self.is_left();
        }
    }

    /// Has a turn where the runtime polls it.
    #[inline]
    pub(super) fn poll(&self) -> Poll<()> {
        match self.ride.try_lock() {
            Some(ride) => self.goes_on(ride),
            None => Poll::Pending,
        }
    }

    /// Polls the future, and drops it when it has ended, or is given up.
    #[inline]
    fn goes_on(&self, mut ride: Locked<'_, Ride>) -> Poll<()> {
        let Some((future, waker)) = &mut ride.going else {
            return Poll::Ready(());
        };
        let mut context = Context::from_waker(waker);
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        match polled {
            Ok(Poll::Pending) if !self.given_up.load(Ordering::Relaxed) => return Poll::Pending,
            Ok(_) => {}
            Err(panic) => ride.panic = Some(panic),
        }
        let going = ride.going.take();
        drop(ride);
        discard(going);
        Poll::Ready(())
    }

    /// Goes on with the panic of a turn.
    pub(super) fn panics(&self) {
        let panic = self.ride.try_lock().and_then(|mut ride| ride.panic.take());
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Lets it go on no more, and drops it; in its own turn, at the end of that.
    pub(super) fn is_given_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
        if let Some(mut ride) = self.ride.try_lock() {
            let gone = std::mem::take(&mut *ride);
            drop(ride);
            discard(gone);
        }
    }
}

type Drives = Option<(Id, *const Mount)>;
type Woken = Option<ManuallyDrop<Arc<Mount>>>;

/// What a thread notes while it polls a driver.
struct Place {
    /// The runtime of that, if it does, and itself.
    drives: Cell<Drives>,
    /// Who was woken, if that is one. Nobody stays there, so a thread that ends has nothing to drop.
    woken: Cell<Woken>,
    /// Whether more were.
    several: Cell<bool>,
}

thread_local! {
    static PLACE: Place = const {
        Place {
            drives: Cell::new(None),
            woken: Cell::new(None),
            several: Cell::new(false),
        }
    };
}

/// Notes who was woken, if a driver is polled here that may poll him; else he is left to his runtime.
#[inline]
fn note(mount: Arc<Mount>) {
    PLACE.with(|place| {
        let may = place.drives.get().is_some_and(|(runtime, driver)| {
            mount.runtime == runtime && (mount.is_rider || Arc::as_ptr(&mount) == driver)
        });
        if !may || place.several.get() {
            return mount.is_left();
        }
        match place.woken.take().map(ManuallyDrop::into_inner) {
            Some(before) if !Arc::ptr_eq(&before, &mount) => {
                place.several.set(true);
                before.is_left();
                mount.is_left();
            }
            _ => place.woken.set(Some(ManuallyDrop::new(mount))),
        }
    });
}

/// A driver is polled on this thread.
pub(super) struct Driving {
    /// Where that was begun inside of another one's poll, what was noted for that.
    outer: (Drives, Woken, bool),
}

impl Driving {
    pub(super) fn begin(mount: &Arc<Mount>) -> Self {
        let outer = PLACE.with(|place| {
            (
                place
                    .drives
                    .replace(Some((mount.runtime, Arc::as_ptr(mount)))),
                place.woken.take(),
                place.several.replace(false),
            )
        });
        Self { outer }
    }

    /// Who was woken since the last time, if that is one.
    #[inline]
    pub(super) fn woken(&self) -> Option<Arc<Mount>> {
        PLACE.with(|place| {
            place.several.set(false);
            place.woken.take().map(ManuallyDrop::into_inner)
        })
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        let left = self.woken();
        PLACE.with(|place| {
            place.drives.set(self.outer.0);
            place.woken.set(self.outer.1.take());
            place.several.set(self.outer.2);
        });
        left.into_iter().for_each(|left| left.is_left());
    }
}
