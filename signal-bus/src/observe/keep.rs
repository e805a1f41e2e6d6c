//! The dead letters that a bus keeps to be looked at, the newest of them.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{guarded::discard, observe::letters::DeadLetter, report::DeadLetterId};

/// The newest dead letters of a bus.
#[derive(Default, Debug)]
pub(crate) struct Letters {
    letters_max: usize,
    numbered: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default, Debug)]
struct State {
    /// In the order of their ids.
    letters: VecDeque<DeadLetter>,
    /// Those that had to go for others.
    dropped: u64,
    /// Whether the bus is over, which keeps nothing.
    over: bool,
}

/// A letter that is to be replayed; it goes back, unless it was.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    letters: &'a Letters,
    letter: Option<DeadLetter>,
}

impl Letters {
    pub(crate) fn new(letters_max: usize) -> Self {
        Self {
            letters_max,
            ..Self::default()
        }
    }

    /// Whether any are kept.
    pub(crate) fn keeps_any(&self) -> bool {
        self.letters_max != 0
    }

    pub(crate) fn next_id(&self) -> DeadLetterId {
        DeadLetterId::from_number(self.numbered.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Keeps a letter; the oldest goes for it, if that has to be.
    pub(crate) fn keep(&self, letter: DeadLetter) {
        let mut state = self.lock();
        if state.over || self.letters_max == 0 {
            drop(state);
            return discard(letter);
        }
        let after = state
            .letters
            .partition_point(|other| other.id() < letter.id());
        state.letters.insert(after, letter);
        let mut oldest = None;
        if self.letters_max < state.letters.len() {
            state.dropped += 1;
            oldest = state.letters.pop_front();
        }
        // The value is the user's, and so is its `drop`.
        drop(state);
        discard(oldest);
    }

    /// Takes a letter, so that nobody else does.
    pub(crate) fn take(&self, id: DeadLetterId) -> Option<Taken<'_>> {
        let mut state = self.lock();
        let at = state
            .letters
            .binary_search_by_key(&id, DeadLetter::id)
            .ok()?;
        let letter = state.letters.remove(at);
        Some(Taken {
            letters: self,
            letter,
        })
    }

    /// A share of all letters, and how many had to go.
    pub(crate) fn all(&self) -> (Vec<DeadLetter>, u64) {
        let state = self.lock();
        (state.letters.iter().cloned().collect(), state.dropped)
    }

    /// Drops all letters, and keeps no other.
    pub(crate) fn forget(&self) {
        let mut state = self.lock();
        state.over = true;
        let letters = std::mem::take(&mut state.letters);
        drop(state);
        letters.into_iter().for_each(discard);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken<'_> {
    pub(crate) fn letter(&self) -> &DeadLetter {
        self.letter.as_ref().expect("it is there until it is done")
    }

    /// Lets the letter go, which has been replayed.
    pub(crate) fn done(mut self) {
        discard(self.letter.take());
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(letter) = self.letter.take() {
            self.letters.keep(letter);
        }
    }
}
