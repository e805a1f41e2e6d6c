//! Where handlers that have left others come back to.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    vec::Drain,
};

use crate::{queue::log::LogId, worker::hand::Hand};

/// Where handlers that have left come back to.
pub(crate) struct Home {
    pub(super) log: LogId,
    /// Whether somebody waits at the door.
    knocks: AtomicBool,
    door: Mutex<Door>,
}

#[derive(Default)]
struct Door {
    /// Whether there is a convoy to come back to.
    open: bool,
    arrived: Vec<Hand<'static>>,
    /// Whoever drives the convoy, while it sleeps.
    driver: Option<Waker>,
}

impl Home {
    pub(super) fn new(log: LogId) -> Self {
        Self {
            log,
            knocks: AtomicBool::new(false),
            door: Mutex::new(Door {
                open: true,
                ..Door::default()
            }),
        }
    }

    /// Takes a handler in; or gives it back, if it is to be the first of a new convoy.
    pub(super) fn enter(&self, hand: Hand<'static>) -> Option<Hand<'static>> {
        let mut door = self.door();
        if !door.open {
            door.open = true;
            return Some(hand);
        }
        door.arrived.push(hand);
        self.knocks.store(true, Ordering::Release);
        let driver = door.driver.take();
        drop(door);
        driver.into_iter().for_each(Waker::wake);
        None
    }

    /// Takes in whoever is at the door.
    pub(super) fn let_in(&self, take_in: impl FnOnce(Drain<'_, Hand<'static>>)) {
        if self.knocks.swap(false, Ordering::AcqRel) {
            take_in(self.door().arrived.drain(..));
        }
    }

    /// Sleeps until somebody comes; `false` if somebody has come already.
    pub(super) fn sleeps(&self, waker: &Waker) -> bool {
        let mut door = self.door();
        let sleeps = door.arrived.is_empty();
        if sleeps {
            door.driver = Some(waker.clone());
        }
        sleeps
    }

    /// Closes the door behind the last handler, unless another one stands before it.
    pub(super) fn close(&self) -> bool {
        let mut door = self.door();
        door.open = !door.arrived.is_empty();
        !door.open
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
