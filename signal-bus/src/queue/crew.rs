//! Who takes from one queue, and how many calls there may be at once.

use std::{collections::HashMap, num::NonZeroUsize};

use crate::queue::parked::WorkerId;

/// The members of a group, or the only worker or reader of a queue.
#[derive(Debug)]
pub(crate) struct Crew {
    members: u32,
    /// Members that take whatever there is.
    unbounded: u32,
    /// Calls that the others may have at once.
    slots: usize,
    /// Calls that run, those of members that have gone included.
    calls: usize,
    /// Where members come and go.
    group: Option<Box<Group>>,
    /// Calls that are given up until their signals are tried again.
    rests: Option<Box<Rests>>,
}

#[derive(Default, Debug)]
struct Group {
    /// Calls of each member.
    calls: HashMap<WorkerId, usize>,
    /// Calls that still run of members that have gone. They take no slot of those who are there.
    gone: HashMap<WorkerId, usize>,
}

#[derive(Default, Debug)]
struct Rests {
    signals: usize,
    members: HashMap<WorkerId, Rest>,
}

#[derive(Debug)]
struct Rest {
    calls: usize,
    /// Calls that the member may have at once.
    limit: Option<NonZeroUsize>,
}

impl Crew {
    pub(crate) fn new(limit: Option<NonZeroUsize>, group: bool) -> Self {
        let mut crew = Self {
            members: 0,
            unbounded: 0,
            slots: 0,
            calls: 0,
            group: group.then(Box::default),
            rests: None,
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

    /// Whether there are others of a group.
    pub(crate) fn has_several(&self) -> bool {
        1 < self.members
    }

    /// Lets a member go, unless it is the last one; whether it has gone.
    pub(crate) fn leave(&mut self, worker: WorkerId, limit: Option<NonZeroUsize>) -> bool {
        if !self.has_several() {
            return false;
        }
        self.members -= 1;
        match limit {
            None => self.unbounded -= 1,
            Some(limit) => self.slots = self.slots.saturating_sub(limit.get()),
        }
        let rests = self.rests_of(worker);
        if let Some(group) = &mut self.group {
            // Who rests will have calls again.
            let calls = group.calls.remove(&worker).or(rests.then_some(0));
            group.gone.extend(calls.map(|calls| (worker, calls)));
        }
        true
    }

    /// Counts a call that a member begins.
    pub(crate) fn begin(&mut self, worker: WorkerId) {
        self.calls += 1;
        let Some(group) = &mut self.group else { return };
        match group.gone.get_mut(&worker) {
            Some(calls) => *calls += 1,
            None => *group.calls.entry(worker).or_default() += 1,
        }
    }

    /// Notes how many calls run, where those of several readers are counted together.
    pub(crate) fn count(&mut self, calls: usize) {
        self.calls = calls;
    }

    /// Counts a call that has ended.
    pub(crate) fn end(&mut self, worker: WorkerId) {
        self.calls -= 1;
        let rests = self.rests_of(worker);
        let Some(group) = &mut self.group else { return };
        let of = if group.gone.contains_key(&worker) {
            &mut group.gone
        } else {
            &mut group.calls
        };
        if let Some(calls) = of.get_mut(&worker) {
            *calls -= 1;
            if *calls == 0 && !rests {
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

    /// Gives up a call, until its signals are tried again.
    pub(crate) fn rest(&mut self, worker: WorkerId, limit: Option<NonZeroUsize>, signals: usize) {
        let rests = self.rests.get_or_insert_default();
        rests.signals += signals;
        let rest = rests.members.entry(worker);
        rest.or_insert(Rest { calls: 0, limit }).calls += 1;
        self.end(worker);
    }

    /// Takes a call up again that was given up.
    pub(crate) fn resume(&mut self, worker: WorkerId, signals: usize) {
        self.begin(worker);
        let Some(rests) = &mut self.rests else { return };
        rests.signals -= signals;
        if let Some(rest) = rests.members.get_mut(&worker) {
            rest.calls -= 1;
            if rest.calls == 0 {
                rests.members.remove(&worker);
            }
        }
        if rests.members.is_empty() {
            self.rests = None;
        }
    }

    /// Forgets the calls that were given up.
    pub(crate) fn forget_rests(&mut self) {
        self.rests = None;
    }

    /// Signals that wait for another attempt, and have no call.
    pub(crate) fn resting(&self) -> usize {
        self.rests.as_ref().map_or(0, |rests| rests.signals)
    }

    /// Whether a signal that waits for another attempt will find a call for it, whatever becomes of those that run.
    pub(crate) fn may_resume(&self) -> bool {
        let mut members = self.rests.iter().flat_map(|rests| &rests.members);
        members.any(|(worker, rest)| {
            rest.limit
                .is_none_or(|limit| self.calls_of(*worker) < limit.get())
        })
    }

    fn rests_of(&self, worker: WorkerId) -> bool {
        let rests = self.rests.as_ref();
        rests.is_some_and(|rests| rests.members.contains_key(&worker))
    }

    fn calls_of(&self, worker: WorkerId) -> usize {
        let Some(group) = &self.group else {
            return self.calls;
        };
        let of = [&group.calls, &group.gone];
        of.iter().filter_map(|calls| calls.get(&worker)).sum()
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

    #[test]
    fn a_call_that_is_given_up_leaves_room_until_it_is_taken_up_again() {
        let limit = NonZeroUsize::new(2);
        let mut crew = Crew::new(limit, false);
        crew.begin(1);
        crew.begin(1);
        assert!(!crew.has_room());
        crew.rest(1, limit, 3);
        assert!(crew.has_room() && crew.may_resume());
        assert_eq!((crew.calls(), crew.resting()), (1, 3));
        crew.begin(1);
        assert!(!crew.may_resume(), "first a call has to end");
        crew.end(1);
        crew.resume(1, 3);
        assert!(!crew.has_room());
        assert_eq!((crew.calls(), crew.resting()), (2, 0));
    }

    #[test]
    fn what_a_member_that_goes_tries_again_takes_nothing_from_the_others() {
        let one = NonZeroUsize::new(1);
        let mut crew = Crew::new(one, true);
        crew.join(one);
        crew.begin(1);
        crew.rest(1, one, 1);
        assert!(crew.leave(1, one));
        crew.begin(2);
        assert!(crew.may_resume(), "it still has its own");
        crew.resume(1, 1);
        crew.end(2);
        assert!(crew.has_room());
        crew.end(1);
        crew.begin(2);
        assert!(!crew.has_room());
    }
}
