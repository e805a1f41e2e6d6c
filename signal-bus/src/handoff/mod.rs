//! Who is woken goes on where that was, as soon as whoever has woken it waits.
//!
//! Where signals come one at a time, most of what they cost is the way of those who are woken through the queue of the runtime. So a
//! [driver](Driver), a task that belongs to a bus, looks whom it has woken when it waits. If that is one [rider](Rider), which is
//! the task of a worker, he polls that himself, and goes on in the same way: with whom that has woken, often himself. (Schedulers
//! know this as a direct hand-off: Liedtke, "Improving IPC by Kernel Design", SOSP 1993.)
//!
//! That is for runtimes of one thread, where nobody else could poll either of the two meanwhile. Where there are several, a rider that
//! blocks its thread would hold up the driver, which another thread could go on with.
//!
//! If several riders are woken, or the driver and one, all of them go the usual way, in their order: whoever else was woken between them is
//! before them then. Who wakes itself, to let others run, goes the usual way as well.

mod mount;
#[cfg(all(test, not(loom)))]
mod tests;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::coop,
    time::Instant,
};

use crate::handoff::mount::{Driving, Mount};

/// So many turns a task gives to others and to itself before the other tasks of the runtime have theirs.
const TURNS_MAX: u32 = 256;
/// Or fewer, when it is seen that they take longer than this together.
const LONG: Duration = Duration::from_micros(50);
/// The clock costs as much as a quick turn: it is looked at for the first time after so many, then after twice as many each time.
const LOOKED_AFTER: u32 = 3;
/// And again after so many at the latest.
const LOOKED_EACH: u32 = 12;
/// Where a turn takes longer, what the way through the runtime costs is nothing to speak of.
const SLOW: Duration = Duration::from_micros(10);
/// So often a task polls nobody else after slow turns.
const RESTS: u32 = 64;

/// Whether tasks of a runtime go on where they were woken.
pub(crate) fn is_for(runtime: &Handle) -> bool {
    runtime.runtime_flavor() == RuntimeFlavor::CurrentThread
}

/// A task that polls whom it has woken.
pub(crate) struct Driver<F> {
    future: F,
    /// What wakes it here; nothing where this is [not for](is_for) its runtime.
    mount: Option<(Arc<Mount>, Waker)>,
}

impl<F: Future + Unpin> Driver<F> {
    /// A task of this runtime, which is to be spawned as it is.
    pub(crate) fn new(runtime: &Handle, future: F) -> Self {
        let mount = is_for(runtime).then(|| {
            let mount = Arc::new(Mount::new(runtime, false));
            (Arc::clone(&mount), Waker::from(mount))
        });
        Self { future, mount }
    }
}

impl<F: Future + Unpin> Future for Driver<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, mount } = &mut *self;
        let Some((mount, waker)) = mount else {
            return Pin::new(future).poll(context);
        };
        let mut own = Context::from_waker(waker);
        drive(mount, context.waker(), || {
            Pin::new(&mut *future).poll(&mut own)
        })
    }
}

/// A driver that others may poll, too, when they have woken it.
pub(crate) struct Rider(Arc<Mount>);

impl Rider {
    /// A task of this runtime, [for which](is_for) this is, to be spawned as it is.
    pub(crate) fn new(runtime: &Handle, future: impl Future<Output = ()> + Send + 'static) -> Self {
        let mount = Arc::new(Mount::new(runtime, true));
        mount.takes(Box::pin(future));
        Self(mount)
    }
}

impl Future for Rider {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mount = &self.0;
        let polled = drive(mount, context.waker(), || mount.poll());
        if polled.is_ready() {
            mount.panics();
        }
        polled
    }
}

/// It is given up: the runtime ends, or the bus.
impl Drop for Rider {
    fn drop(&mut self) {
        self.0.is_given_up();
    }
}

/// Polls a task of the runtime, then whom it has woken, and so on.
fn drive<R>(mount: &Arc<Mount>, home: &Waker, mut poll: impl FnMut() -> Poll<R>) -> Poll<R> {
    mount.is_at_home(home);
    if mount.rests() {
        return poll();
    }
    let driving = Driving::begin(mount);
    let mut polled = poll();
    let mut last = Arc::as_ptr(mount);
    let mut patience = Patience::default();
    while polled.is_pending() {
        let Some(next) = driving.woken() else { break };
        let itself = Arc::as_ptr(&next) == last;
        // Who wakes itself lets others run, and who has done much is to.
        if itself || !coop::has_budget_remaining() || patience.is_over() {
            next.is_left();
            if patience.slow {
                mount.rests_for(RESTS);
            }
            break;
        }
        last = Arc::as_ptr(&next);
        match Arc::ptr_eq(&next, mount) {
            true => polled = poll(),
            false => next.rides(),
        }
    }
    polled
}

/// How long a task has gone on with others, and itself.
struct Patience {
    turns: u32,
    look: u32,
    since: Option<Instant>,
    /// Whether few turns took long.
    slow: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            turns: 0,
            look: LOOKED_AFTER,
            since: None,
            slow: false,
        }
    }
}

impl Patience {
    /// Whether other tasks are to have their turn, before another one here.
    #[inline]
    fn is_over(&mut self) -> bool {
        let is_long = self.turns == self.look && self.is_long();
        self.turns += 1;
        is_long || TURNS_MAX < self.turns
    }

    #[cold]
    fn is_long(&mut self) -> bool {
        self.look += self.look.min(LOOKED_EACH);
        let took = self.since.get_or_insert_with(Instant::now).elapsed();
        let long = LONG < took;
        self.slow = long && SLOW * (self.turns - LOOKED_AFTER) < took;
        long
    }
}
