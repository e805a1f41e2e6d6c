//! Those who are bound to an owner.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::route::member::Member;

/// Remembers them, so that one whose owner is gone does not stay until the next signal.
#[derive(Default, Debug)]
pub(crate) struct Bound(Mutex<State>);

#[derive(Default, Debug)]
struct State {
    members: Vec<Weak<Member>>,
    /// Whether somebody looks through them.
    swept: bool,
}

impl Bound {
    /// Adds one; whether somebody has to begin to look through them.
    pub(crate) fn add(&self, member: &Arc<Member>) -> bool {
        let mut state = self.lock();
        state.members.push(Arc::downgrade(member));
        !std::mem::replace(&mut state.swept, true)
    }

    /// Says that nobody looks through them after all.
    pub(crate) fn stop(&self) {
        self.lock().swept = false;
    }

    /// Takes out those whose owners are gone; and whether there are others to look through later.
    pub(crate) fn lost(&self) -> (Vec<Arc<Member>>, bool) {
        let mut lost = Vec::new();
        let mut state = self.lock();
        state.members.retain(|member| {
            let there = member.upgrade().filter(|member| !member.has_departed());
            let Some(member) = there else { return false };
            let alive = member.is_alive();
            if !alive {
                lost.push(member);
            }
            alive
        });
        state.swept = !state.members.is_empty();
        if !state.swept {
            state.members = Vec::new();
        }
        let goes_on = state.swept;
        drop(state);
        (lost, goes_on)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
