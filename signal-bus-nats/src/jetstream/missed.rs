//! What a stream has deleted before its consumer had it.
//!
//! A stream deletes by its limits, or because somebody says so, and the server goes on with what there is. A consumer of all that its
//! stream holds is handed each place once, so one that was left out is noticed, and the stream says whether it still has it. A
//! consumer of a part leaves out what it does not hear: of what was deleted nobody can know how much was meant for it.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// A place in a stream, and the number of its delivery by the consumer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Point {
    pub(super) place: u64,
    pub(super) delivery: u64,
}

/// What is found when the server is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The first place that the stream still has, which was asked for first.
    pub(super) first: u64,
    /// How far the consumer has come.
    pub(super) at: Point,
    /// Whether something waits for it.
    pub(super) waits: bool,
    /// Whether it hears all that the stream holds.
    pub(super) hears_all: bool,
}

/// Places between two others of which some were left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Gap {
    pub(super) count: u64,
    pub(super) after: u64,
    pub(super) before: u64,
}

/// How many were deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gone {
    Exactly(u64),
    /// Of those some were meant for others.
    AtMost(u64),
}

/// How far a consumer has come, as far as is known here.
#[derive(Default, Debug)]
pub(super) struct Missed {
    state: Mutex<State>,
    /// Tells of a gap.
    noticed: Notify,
}

#[derive(Default, Debug)]
struct State {
    /// What was handed out until here is accounted for. Copies are not counted among the deliveries, as far as they came here.
    at: Option<Point>,
    gaps: Vec<Gap>,
    hears_all: bool,
    /// Whether something has waited for it when the server was asked last.
    behind: bool,
    /// Whether the server may count otherwise than before, until it was asked.
    anew: bool,
}

impl Missed {
    /// Says that everything after a place is wanted.
    pub(super) fn begin_after(&self, place: u64) {
        self.lock().at = Some(Point { place, delivery: 0 });
    }

    /// Notes a message that came.
    pub(super) fn came(&self, now: Point, is_copy: bool) {
        let mut state = self.lock();
        if !state.hears_all {
            return;
        }
        let Some(at) = &mut state.at else { return };
        if now.delivery <= at.delivery {
            return;
        }
        if is_copy || now.place <= at.place {
            at.delivery += 1;
            return;
        }
        let gap = at.until(now);
        *at = now;
        if 0 < gap.count {
            state.gaps.push(gap);
            drop(state);
            self.noticed.notify_one();
        }
    }

    /// Waits until there is a gap.
    pub(super) async fn notices(&self) {
        self.noticed.notified().await;
    }

    pub(super) fn take_gaps(&self) -> Vec<Gap> {
        mem::take(&mut self.lock().gaps)
    }

    pub(super) fn put_back(&self, gaps: Vec<Gap>) {
        self.lock().gaps.extend(gaps);
    }

    /// Says that the server may remember less than before, and count anew: after an outage, or if the consumer was made anew.
    pub(super) fn begin_anew(&self) {
        self.lock().anew = true;
    }

    /// Takes in what was found.
    ///
    /// A consumer that nobody shares was made anew if it is behind of what is known here.
    pub(super) fn find(&self, found: Found, is_shared: bool) -> Option<Gone> {
        let mut state = self.lock();
        let anew = mem::take(&mut state.anew);
        let Found { first, at, .. } = found;
        let before = state.at;
        let mut ahead = true;
        let known = match before {
            None => at.place,
            Some(was) if was.place <= at.place && was.delivery <= at.delivery => {
                let gap = was.until(Point {
                    place: at.place + 1,
                    delivery: at.delivery + 1,
                });
                if found.hears_all && 0 < gap.count {
                    state.gaps.push(gap);
                }
                at.place
            }
            Some(was) => {
                ahead = false;
                if is_shared {
                    was.place.max(at.place)
                } else {
                    was.place
                }
            }
        };
        let last_gone = first.saturating_sub(1);
        let gone = last_gone.saturating_sub(known);
        let mut now = match before {
            Some(was) if !ahead && !anew => was,
            _ => at,
        };
        now.place = now.place.max(last_gone);
        state.at = Some(now);
        state.hears_all = found.hears_all;
        let behind = mem::replace(&mut state.behind, found.waits);
        match gone {
            0 => None,
            _ if found.hears_all => Some(Gone::Exactly(gone)),
            // Whoever is not behind would have been handed it at once.
            _ if !behind && !anew => None,
            _ => Some(Gone::AtMost(gone)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Point {
    /// What was left out until another one.
    fn until(self, now: Self) -> Gap {
        let places = now.place - self.place;
        Gap {
            count: places.saturating_sub(now.delivery - self.delivery),
            after: self.place,
            before: now.place,
        }
    }
}

impl Gap {
    /// How many of it were deleted, of a stream that begins at `first`, and of those after it `deleted`.
    pub(super) fn deleted(self, first: u64, deleted: &[u64]) -> u64 {
        let between = deleted
            .iter()
            .filter(|place| self.after < **place && **place < self.before && first <= **place);
        let between = u64::try_from(between.count()).unwrap_or(u64::MAX);
        let front = first.min(self.before).saturating_sub(self.after + 1);
        self.count.min(front.saturating_add(between))
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Gap, Gone, Missed, Point};

    fn point(place: u64, delivery: u64) -> Point {
        Point { place, delivery }
    }

    fn found(first: u64, place: u64, delivery: u64) -> Found {
        Found {
            first,
            at: point(place, delivery),
            waits: true,
            hears_all: true,
        }
    }

    fn looked(missed: &Missed, found: Found, anew: bool, is_shared: bool) -> Option<Gone> {
        if anew {
            missed.begin_anew();
        }
        missed.find(found, is_shared)
    }

    /// A consumer that has come as far as that, of all that its stream holds.
    fn come(place: u64, delivery: u64) -> Missed {
        let missed = Missed::default();
        assert_eq!(looked(&missed, found(1, place, delivery), true, true), None);
        missed
    }

    #[test]
    fn what_the_stream_has_no_more_was_missed_once() {
        let missed = come(10, 10);
        let gone = looked(&missed, found(21, 10, 10), false, true);
        assert_eq!(gone, Some(Gone::Exactly(10)));
        assert_eq!(looked(&missed, found(21, 10, 10), false, true), None);
        let gone = looked(&missed, found(24, 10, 10), true, true);
        assert_eq!(gone, Some(Gone::Exactly(3)));
        // It goes on where the stream begins.
        missed.came(point(24, 11), false);
        missed.came(point(25, 12), false);
        assert_eq!(missed.take_gaps(), []);
    }

    #[test]
    fn a_place_that_is_left_out_is_noticed() {
        let missed = come(10, 10);
        missed.came(point(11, 11), false);
        missed.came(point(15, 12), false);
        let gap = Gap {
            count: 3,
            after: 11,
            before: 15,
        };
        assert_eq!(missed.take_gaps(), [gap]);
        assert_eq!(gap.deleted(15, &[]), 3);
        // The stream has it still: it will come.
        assert_eq!(gap.deleted(1, &[]), 0);
        assert_eq!(gap.deleted(13, &[14, 15]), 2);
    }

    #[test]
    fn neither_copies_nor_what_others_of_a_group_have_are_gaps() {
        let missed = come(10, 10);
        // 11 to 13 are with others.
        missed.came(point(14, 14), false);
        // Two copies, one here and one elsewhere.
        missed.came(point(9, 15), true);
        missed.came(point(15, 17), false);
        assert_eq!(missed.take_gaps(), []);
        // What was on its way when the server was asked.
        assert_eq!(looked(&missed, found(1, 20, 22), false, true), None);
        missed.came(point(18, 20), false);
        missed.came(point(21, 23), false);
        assert_eq!(missed.take_gaps(), []);
        missed.came(point(24, 24), false);
        assert_eq!(missed.take_gaps().len(), 1);
    }

    #[test]
    fn what_the_server_has_forgotten_is_handed_out_again_and_not_missed() {
        let missed = come(10, 10);
        missed.came(point(11, 11), false);
        assert_eq!(looked(&missed, found(1, 5, 5), true, true), None);
        for next in 6..=12 {
            missed.came(point(next, next), false);
        }
        assert_eq!(missed.take_gaps(), []);
        // A consumer that was made anew begins where the stream does.
        let gone = looked(&missed, found(20, 19, 0), true, false);
        assert_eq!(gone, Some(Gone::Exactly(7)));
    }

    #[test]
    fn who_wants_what_is_no_more_is_told() {
        let missed = Missed::default();
        missed.begin_after(3);
        assert_eq!(looked(&missed, found(8, 7, 0), true, false), None);
        let [gap] = missed.take_gaps()[..] else {
            panic!("there is one");
        };
        assert_eq!(gap.deleted(8, &[]), 4);
    }

    #[test]
    fn of_a_part_of_a_stream_only_the_most_is_known() {
        let part = |first, place, waits| Found {
            hears_all: false,
            waits,
            ..found(first, place, 0)
        };
        let missed = Missed::default();
        let gone = looked(&missed, part(21, 10, true), true, true);
        assert_eq!(gone, Some(Gone::AtMost(10)));
        missed.came(point(30, 1), false);
        assert_eq!(missed.take_gaps(), []);
        let gone = looked(&missed, part(26, 10, false), false, true);
        assert_eq!(gone, Some(Gone::AtMost(5)));
        // It had all that was for it.
        assert_eq!(looked(&missed, part(40, 10, false), false, true), None);
    }
}
