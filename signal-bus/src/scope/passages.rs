//! Signals that have come over bridges, so that none comes twice.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use crate::signal::SignalId;

/// How many signals are remembered. One that has gone round a ring of buses comes back long before.
const REMEMBERED_MAX: usize = 16_384;

/// The signals of other buses that have come lately, each by the bus it was published on and its id there.
#[derive(Default, Debug)]
pub(crate) struct Passages(Mutex<State>);

#[derive(Default, Debug)]
struct State {
    there: HashSet<(u64, SignalId)>,
    order: VecDeque<(u64, SignalId)>,
}

impl Passages {
    /// Whether a signal comes for the first time.
    pub(crate) fn enter(&self, first: (u64, SignalId)) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.there.insert(first) {
            return false;
        }
        state.order.push_back(first);
        if REMEMBERED_MAX < state.order.len() {
            if let Some(oldest) = state.order.pop_front() {
                state.there.remove(&oldest);
            }
        }
        true
    }
}
