//! The buses that run on each tokio runtime.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::runtime::Id;

use crate::{queue::generation::begin_generation, registry::BusName, scope::running::Running};

/// How many buses there are in the program; zero spares annotated functions any further look.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// How often a bus has come or gone.
static GENERATION: AtomicU64 = AtomicU64::new(0);
static TABLE: RwLock<Option<HashMap<Id, Vec<Weak<Running>>>>> = RwLock::new(None);

/// Counts one bus for as long as anybody holds it: a task may stand in the scope of a bus that is closed.
#[derive(Debug)]
pub(crate) struct Counted(());

impl Counted {
    pub(crate) fn new() -> Self {
        COUNT.fetch_add(1, Ordering::Release);
        Self(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // What was found out in it is not of the newest generation any more.
        begin_generation();
        COUNT.fetch_sub(1, Ordering::Release);
    }
}

#[inline]
pub(crate) fn any() -> bool {
    COUNT.load(Ordering::Acquire) != 0
}

/// Whether there is one bus in the program, and no more.
#[inline]
pub(crate) fn is_one() -> bool {
    COUNT.load(Ordering::Acquire) == 1
}

/// The buses of a runtime that fit.
pub(crate) enum Found {
    None,
    One(Arc<Running>),
    Several,
}

pub(crate) fn only(runtime: Id, fits: impl Fn(&Running) -> bool) -> Found {
    let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
    let buses = table.as_ref().and_then(|table| table.get(&runtime));
    let running = buses.into_iter().flatten().filter_map(Weak::upgrade);
    let fitting: Vec<_> = running.filter(|running| fits(running)).collect();
    // A bus that still drains does not stand in the way of the one that was started after it.
    let open = fitting
        .iter()
        .filter(|running| running.exchange.is_open_to(None));
    match (&*fitting, &*open.collect::<Vec<_>>()) {
        ([one], _) => Found::One(Arc::clone(one)),
        (_, [open]) => Found::One(Arc::clone(open)),
        ([], _) => Found::None,
        _ => Found::Several,
    }
}

/// The only bus of a runtime that has the name.
///
/// Each thread remembers the last one it found: tasks that belong to no scope look again for every signal.
pub(crate) fn named(runtime: Id, bus: BusName) -> Found {
    let generation = GENERATION.load(Ordering::Acquire);
    let last = LAST.with_borrow(|last| match last {
        Some(last) if (last.generation, last.runtime, last.bus) == (generation, runtime, bus) => {
            last.running.upgrade()
        }
        _ => None,
    });
    if let Some(running) = last {
        return Found::One(running);
    }
    let found = only(runtime, |running| running.names.contains(&bus));
    if let Found::One(running) = &found {
        let running = Arc::downgrade(running);
        LAST.set(Some(Last {
            generation,
            runtime,
            bus,
            running,
        }));
    }
    found
}

/// What a thread found last; right as long as no bus has come or gone since.
struct Last {
    generation: u64,
    runtime: Id,
    bus: BusName,
    running: Weak<Running>,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

pub(crate) fn enter(running: &Arc<Running>) {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let buses = table
        .get_or_insert_default()
        .entry(running.runtime.id())
        .or_default();
    buses.push(Arc::downgrade(running));
    GENERATION.fetch_add(1, Ordering::Release);
}

/// Takes a bus out; ids of runtimes are used again once a runtime is gone.
pub(crate) fn leave(running: &Arc<Running>) {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let runtime = running.runtime.id();
    let Some(buses) = table.as_mut().and_then(|table| table.get_mut(&runtime)) else {
        return;
    };
    GENERATION.fetch_add(1, Ordering::Release);
    buses.retain(|bus| !std::ptr::eq(bus.as_ptr(), Arc::as_ptr(running)));
    if buses.is_empty() {
        table.as_mut().map(|table| table.remove(&runtime));
    }
}
