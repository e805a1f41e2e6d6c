//! A count that is spread over threads, so that none of them waits for another one's cache line, and none for its own.

use std::{
    cell::Cell,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::observe::Count;

/// So many threads at once have a place of their own in each count.
const PLACES: usize = 32;
/// The thread has not counted yet.
const UNKNOWN: usize = usize::MAX;
/// The thread has no place, and gets none.
const NONE: usize = usize::MAX - 1;

/// A count that is exact whoever reads it: each place has one thread that writes it.
#[derive(Default, Debug)]
pub(crate) struct Spread {
    places: [Place; PLACES],
    /// Of threads without a place.
    others: Count,
}

/// A line of the cache.
#[derive(Default, Debug)]
#[repr(align(64))]
struct Place(AtomicU64);

impl Spread {
    pub(crate) fn add_one(&self) {
        if !self.add_one_here() {
            self.add_without_place();
        }
    }

    /// Counts one, if this thread has a place; whether it has.
    #[inline]
    pub(crate) fn add_one_here(&self) -> bool {
        let place = self.places.get(PLACE.get());
        if let Some(Place(count)) = place {
            // Nobody else writes it, so it is no step that others have to see as one.
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        place.is_some()
    }

    fn add_without_place(&self) {
        self.others.add(1);
        if PLACE.get() == UNKNOWN {
            PLACE.set(NONE);
            // A thread that ends already has no more use for one.
            let taken = TAKEN.try_with(Taken::number);
            PLACE.set(taken.ok().flatten().unwrap_or(NONE));
        }
    }

    pub(crate) fn get(&self) -> u64 {
        let places = self.places.iter();
        let counts = places.map(|Place(count)| count.load(Ordering::Relaxed));
        counts.sum::<u64>() + self.others.get()
    }
}

thread_local! {
    /// The place of this thread in each count. It has nothing to drop, so nobody need ask whether it is still there.
    static PLACE: Cell<usize> = const { Cell::new(UNKNOWN) };
    static TAKEN: Taken = Taken::take();
}

/// The places that nobody has; each count has the same.
static FREE: Mutex<Free> = Mutex::new(Free {
    fresh: 0,
    returned: Vec::new(),
});

struct Free {
    /// Those from here on nobody has ever had.
    fresh: usize,
    returned: Vec<usize>,
}

/// A place that a thread has until it ends.
struct Taken(Option<usize>);

impl Taken {
    fn take() -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = (free.fresh < PLACES).then_some(free.fresh);
        let taken = free.returned.pop().or(fresh);
        if taken.is_some() && taken == fresh {
            free.fresh += 1;
        }
        Self(taken)
    }

    fn number(&self) -> Option<usize> {
        self.0
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // What the thread still counts is not counted where another one does.
        PLACE.set(NONE);
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.returned.extend(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{PLACES, Spread};

    #[test]
    fn what_many_threads_count_is_exact_also_when_there_are_more_than_places() {
        let count = Spread::default();
        for round in 1..=3 {
            thread::scope(|scope| {
                for _ in 0..PLACES + 8 {
                    scope.spawn(|| (0..100).for_each(|_| count.add_one()));
                }
            });
            assert_eq!(count.get(), round * 100 * (PLACES as u64 + 8));
        }
    }

    #[test]
    fn a_place_is_had_again_when_its_thread_has_ended() {
        let count = Spread::default();
        for _ in 0..4 * PLACES {
            // The first time a thread has none yet.
            let counts = || (0..2).for_each(|_| count.add_one());
            thread::scope(|scope| scope.spawn(counts).join().unwrap());
        }
        assert_eq!(count.get(), 8 * PLACES as u64);
        assert!(count.others.get() < count.get(), "some have had a place");
    }
}
