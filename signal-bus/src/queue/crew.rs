//! Who takes from one queue, and how many calls there may be at once.

use std::{collections::HashMap, num::NonZeroUsize};

use crate::queue::parked::WorkerId;

/// The members of a group, or the only worker or reader of a queue.
#[derive(Debug)]
pub(crate) struct Crew {
    members: usize,
    /// Members that take whatever there is.
    unbounded: usize,
    /// Calls that the others may have at once.
    slots: usize,
    /// Calls that run, those of members that have gone included.
    calls: usize,
    /// Where members come and go.
    group: Option<Box<Group>>,
}

#[derive(Default, Debug)]
struct Group {
    /// Calls of each member.
    calls: HashMap<WorkerId, usize>,
    /// Calls that still run of members that have gone. They take no slot of those who are there.
    gone: HashMap<WorkerId, usize>,
}

impl Crew {
    pub(crate) fn new(limit: Option<NonZeroUsize>, group: bool) -> Self {
        let mut crew = Self {
            members: 0,
            unbounded: 0,
            slots: 0,
            calls: 0,
            group: group.then(Box::default),
        };
        crew.join(limit);
        crew
    }

    /// Takes a member in.
    pub(crate) fn join(&mut self, limit: Option<NonZeroUsize>) {
        self.members += 1;
        match limit {
            None => self.unbounded += 1,
            Some(limit) => self.slots = self.slots.saturating_add(limit.get()),
        }
    }

    /// Lets a member go, unless it is the last one; whether it has gone.
    pub(crate) fn leave(&mut self, worker: WorkerId, limit: Option<NonZeroUsize>) -> bool {
        if self.members == 1 {
            return false;
        }
        self.members -= 1;
        match limit {
            None => self.unbounded -= 1,
            Some(limit) => self.slots = self.slots.saturating_sub(limit.get()),
        }
        if let Some(group) = &mut self.group {
            let calls = group.calls.remove(&worker);
            group.gone.extend(calls.map(|calls| (worker, calls)));
        }
        true
    }

    /// Counts a call that a member begins.
    pub(crate) fn begin(&mut self, worker: WorkerId) {
        self.calls += 1;
        if let Some(group) = &mut self.group {
            *group.calls.entry(worker).or_default() += 1;
        }
    }

    /// Notes how many calls run, where those of several readers are counted together.
    pub(crate) fn count(&mut self, calls: usize) {
        self.calls = calls;
    }

    /// Counts a call that has ended.
    pub(crate) fn end(&mut self, worker: WorkerId) {
        self.calls -= 1;
        let Some(group) = &mut self.group else { return };
        let of = if group.gone.contains_key(&worker) {
            &mut group.gone
        } else {
            &mut group.calls
        };
        if let Some(calls) = of.get_mut(&worker) {
            *calls -= 1;
            if *calls == 0 {
                of.remove(&worker);
            }
        }
    }

    /// Whether one more call may begin.
    pub(crate) fn has_room(&self) -> bool {
        let gone = self.group.as_ref();
        let gone: usize = gone.map_or(0, |group| group.gone.values().sum());
        0 < self.unbounded || self.calls - gone < self.slots
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::Crew;

    #[test]
    fn a_member_that_goes_takes_its_running_calls_with_it() {
        let one = NonZeroUsize::new(1);
        let mut crew = Crew::new(one, true);
        crew.begin(1);
        assert!(!crew.has_room());
        crew.join(one);
        assert!(crew.has_room());
        assert!(crew.leave(1, one));
        assert!(crew.has_room(), "the call of the one that went is not its");
        crew.begin(2);
        assert!(!crew.has_room());
        crew.end(1);
        assert!(!crew.has_room());
        crew.end(2);
        assert!(crew.has_room());
        assert!(!crew.leave(2, one), "the last one stays");
    }

    #[test]
    fn who_takes_everything_leaves_the_limits_of_the_others() {
        let mut crew = Crew::new(None, true);
        crew.join(NonZeroUsize::new(1));
        crew.begin(2);
        assert!(crew.has_room());
        assert!(crew.leave(1, None));
        assert!(!crew.has_room());
    }
}
