//! Whom the door of the lock lets in, while its home thread has it to itself, gets that, or loses it.
//!
//! What is behind it is read and written in two steps that order nothing: two who are inside at once lose something, and so does one who
//! does not see what was done before him.

use std::sync::Arc;

use loom::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread::{self, JoinHandle},
};

use crate::{
    models::check,
    sync::lock::door::{Door, Held, Thread},
};

const HOME: Thread = Thread(1);
const OTHERS: [Thread; 2] = [Thread(2), Thread(3)];

/// A door, and two counts behind it that are always the same.
struct Room {
    door: Door,
    counts: [AtomicUsize; 2],
}

impl Room {
    /// Its home thread has the door to itself once it has come so often.
    fn reserved_after(often: usize) -> Arc<Self> {
        Arc::new(Self {
            door: Door::reserved_after(often, Some(HOME)),
            counts: [0, 0].map(AtomicUsize::new),
        })
    }

    /// Its home thread has the door to itself.
    fn reserved() -> Arc<Self> {
        let room = Self::reserved_after(1);
        room.visit(HOME);
        room
    }

    fn visit(&self, here: Thread) {
        self.count(self.door.enter(here));
    }

    fn visit_late(&self, here: Thread) {
        self.count(self.door.enter_late(here));
    }

    /// Counts one more, inside.
    fn count(&self, inside: Held<'_>) {
        let [first, second] = &self.counts;
        let count = first.load(Relaxed);
        first.store(count + 1, Relaxed);
        assert_eq!(second.load(Relaxed), count, "another one is inside");
        second.store(count + 1, Relaxed);
        drop(inside);
    }

    /// Lets another thread come so often.
    fn visited_by(self: &Arc<Self>, other: Thread, times: usize) -> JoinHandle<()> {
        let room = Arc::clone(self);
        thread::spawn(move || (0..times).for_each(|_| room.visit(other)))
    }

    /// Fails unless so many have come, one after the other.
    fn assert_visited(&self, times: usize) {
        let counts = self.counts.each_ref().map(|count| count.load(Relaxed));
        assert_eq!(counts, [times, times]);
    }
}

#[test]
fn one_comes_where_the_home_thread_has_the_door_to_itself() {
    check(4, || {
        let room = Room::reserved();
        let other = room.visited_by(OTHERS[0], 1);
        (0..2).for_each(|_| room.visit(HOME));
        other.join().unwrap();
        room.assert_visited(4);
    });
}

#[test]
fn one_comes_again_where_the_home_thread_has_the_door_to_itself() {
    check(3, || {
        let room = Room::reserved();
        let other = room.visited_by(OTHERS[0], 2);
        // After two visits it has the door to itself again.
        (0..4).for_each(|_| room.visit(HOME));
        other.join().unwrap();
        room.assert_visited(7);
    });
}

#[test]
fn one_comes_while_the_home_thread_gets_the_door_to_itself() {
    check(4, || {
        let room = Room::reserved_after(1);
        let other = room.visited_by(OTHERS[0], 1);
        (0..3).for_each(|_| room.visit(HOME));
        other.join().unwrap();
        room.assert_visited(4);
    });
}

#[test]
fn one_comes_while_the_home_thread_has_come_before() {
    check(3, || {
        let room = Room::reserved_after(2);
        let other = room.visited_by(OTHERS[0], 2);
        (0..4).for_each(|_| room.visit(HOME));
        other.join().unwrap();
        room.assert_visited(6);
    });
}

#[test]
fn two_come_where_the_home_thread_has_the_door_to_itself() {
    check(3, || {
        let room = Room::reserved();
        let others = OTHERS.map(|other| room.visited_by(other, 1));
        (0..2).for_each(|_| room.visit(HOME));
        others.into_iter().for_each(|one| one.join().unwrap());
        room.assert_visited(5);
    });
}

#[test]
fn two_come_while_the_home_thread_gets_the_door_to_itself() {
    check(2, || {
        let room = Room::reserved_after(1);
        let others = OTHERS.map(|other| room.visited_by(other, 1));
        (0..3).for_each(|_| room.visit(HOME));
        others.into_iter().for_each(|one| one.join().unwrap());
        room.assert_visited(5);
    });
}

#[test]
fn one_waits_for_the_home_thread_that_is_inside() {
    check(4, || {
        let room = Room::reserved();
        let inside = room.door.enter(HOME);
        let other = room.visited_by(OTHERS[0], 1);
        room.count(inside);
        room.visit(HOME);
        other.join().unwrap();
        room.assert_visited(4);
    });
}

#[test]
fn one_waits_for_the_home_thread_that_is_inside_where_all_are_let_in() {
    check(4, || {
        let room = Room::reserved_after(1);
        // It gets the door to itself by this.
        let inside = room.door.enter(HOME);
        let other = room.visited_by(OTHERS[0], 1);
        room.count(inside);
        room.visit(HOME);
        other.join().unwrap();
        room.assert_visited(3);
    });
}

#[test]
fn the_home_thread_does_not_come_in_twice() {
    check(0, || {
        let room = Room::reserved_after(1);
        for _ in 0..2 {
            // First through the latch, and then as the home thread.
            let inside = room.door.enter(HOME);
            assert!(room.door.enter_home(HOME).is_none(), "it is inside");
            drop(inside);
        }
        assert!(room.door.enter_home(HOME).is_some());
    });
}

#[test]
fn one_who_comes_late_waits_as_others_do() {
    check(3, || {
        let room = Room::reserved();
        let other = {
            let room = Arc::clone(&room);
            thread::spawn(move || room.visit_late(OTHERS[0]))
        };
        (0..2).for_each(|_| room.visit_late(HOME));
        other.join().unwrap();
        room.assert_visited(4);
    });
}

#[test]
fn a_thread_that_ends_leaves_its_place_to_another() {
    check(3, || {
        let room = Room::reserved();
        let other = room.visited_by(OTHERS[0], 1);
        // Both lie at the same place, one after the other.
        for _ in 0..2 {
            let home = room.visited_by(HOME, 1);
            home.join().unwrap();
        }
        other.join().unwrap();
        room.assert_visited(4);
    });
}

#[test]
fn a_door_without_a_home_thread_lets_one_in_at_a_time() {
    check(3, || {
        let room = Arc::new(Room {
            door: Door::new(None),
            counts: [0, 0].map(AtomicUsize::new),
        });
        let others = OTHERS.map(|other| room.visited_by(other, 1));
        room.visit(HOME);
        others.into_iter().for_each(|one| one.join().unwrap());
        room.assert_visited(3);
    });
}
