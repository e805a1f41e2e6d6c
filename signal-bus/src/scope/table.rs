//! The buses that run on each tokio runtime.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::runtime::Id;

use crate::scope::running::Running;

/// How many buses there are in the program; zero spares annotated functions any further look.
static COUNT: AtomicUsize = AtomicUsize::new(0);
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
        COUNT.fetch_sub(1, Ordering::Release);
    }
}

pub(crate) fn any() -> bool {
    COUNT.load(Ordering::Acquire) != 0
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
    let mut found = Found::None;
    for running in buses.into_iter().flatten().filter_map(Weak::upgrade) {
        if !fits(&running) {
            continue;
        }
        found = match found {
            Found::None => Found::One(running),
            Found::One(_) | Found::Several => return Found::Several,
        };
    }
    found
}

pub(crate) fn enter(running: &Arc<Running>) {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let buses = table
        .get_or_insert_default()
        .entry(running.runtime.id())
        .or_default();
    buses.push(Arc::downgrade(running));
}

/// Takes a bus out; ids of runtimes are used again once a runtime is gone.
pub(crate) fn leave(running: &Arc<Running>) {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let runtime = running.runtime.id();
    let Some(buses) = table.as_mut().and_then(|table| table.get_mut(&runtime)) else {
        return;
    };
    buses.retain(|bus| !std::ptr::eq(bus.as_ptr(), Arc::as_ptr(running)));
    if buses.is_empty() {
        table.as_mut().map(|table| table.remove(&runtime));
    }
}
