//! One subscription's queue, inside the lock.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    task::Waker,
};

use crate::{
    guarded,
    queue::{Ending, Settings, line::LineId, wakes::Wakes},
    report::Tally,
    signal::Signal,
};

/// A signal in a queue.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) signal: Signal,
    pub(crate) key: u64,
}

impl Entry {
    /// Drops the signal, whose value may panic in its `drop`.
    pub(crate) fn discard(self) {
        guarded::discard(self);
    }
}

/// The signals that wait for one subscription, and the counts of the others.
#[derive(Debug)]
pub(crate) struct Store {
    settings: Settings,
    waiting: VecDeque<Entry>,
    /// Signals in handlers.
    handling: usize,
    /// Keys of the signals in handlers, where the queue is keyed.
    busy_keys: HashSet<u64>,
    /// Workers that found nothing to take.
    parked: Vec<Waker>,
    /// Lines whose first publisher waits for room here.
    lines: BTreeSet<LineId>,
    counts: Tally,
}

impl Store {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            waiting: VecDeque::new(),
            handling: 0,
            busy_keys: HashSet::new(),
            parked: Vec::new(),
            lines: BTreeSet::new(),
            counts: Tally::default(),
        }
    }

    /// Whether a publisher has to wait for room.
    pub(crate) fn is_full(&self) -> bool {
        !self.settings.drops_oldest && self.settings.capacity.get() <= self.used()
    }

    /// Puts a signal in; returns the oldest that waits, if that has to go for it.
    pub(crate) fn push(&mut self, entry: Entry, wakes: &mut Wakes) -> Option<Entry> {
        let full = self.settings.capacity.get() <= self.used();
        self.counts.accepted += 1;
        self.waiting.push_back(entry);
        if full && self.settings.drops_oldest {
            self.counts.dropped += 1;
            return self.waiting.pop_front();
        }
        self.wake_one(wakes);
        None
    }

    /// Hands the next signal to a handler, if there is one that may be handled now.
    pub(crate) fn take(&mut self) -> Option<Entry> {
        let at = self.next()?;
        let entry = self.waiting.remove(at)?;
        self.handling += 1;
        if self.settings.keyed {
            self.busy_keys.insert(entry.key);
        }
        Some(entry)
    }

    fn next(&self) -> Option<usize> {
        if self.at_limit() {
            return None;
        }
        if !self.settings.keyed {
            return (!self.waiting.is_empty()).then_some(0);
        }
        let mut waiting = self.waiting.iter();
        waiting.position(|entry| !self.busy_keys.contains(&entry.key))
    }

    fn at_limit(&self) -> bool {
        let limit = self.settings.concurrency;
        limit.is_some_and(|limit| limit.get() <= self.handling)
    }

    pub(crate) fn finish(&mut self, key: u64, ending: Ending, wakes: &mut Wakes) {
        self.handling -= 1;
        if self.settings.keyed {
            self.busy_keys.remove(&key);
        }
        match ending {
            Ending::Done => self.counts.done += 1,
            Ending::Dead => self.counts.dead += 1,
        }
        if self.next().is_some() {
            self.wake_one(wakes);
        }
    }

    /// Gives up on all signals; those that waited are returned, to be dropped.
    pub(crate) fn abandon(&mut self, wakes: &mut Wakes) -> VecDeque<Entry> {
        self.counts.abandoned += self.used() as u64;
        self.handling = 0;
        self.wake_all(wakes);
        std::mem::take(&mut self.waiting)
    }

    pub(crate) fn park(&mut self, waker: &Waker) {
        if !self.parked.iter().any(|parked| parked.will_wake(waker)) {
            self.parked.push(waker.clone());
        }
    }

    fn wake_one(&mut self, wakes: &mut Wakes) {
        if let Some(waker) = self.parked.pop() {
            wakes.add(waker);
        }
    }

    pub(crate) fn wake_all(&mut self, wakes: &mut Wakes) {
        self.parked.drain(..).for_each(|waker| wakes.add(waker));
    }

    /// Remembers a line to tell when there is room.
    pub(crate) fn add_line(&mut self, line: LineId) {
        self.lines.insert(line);
    }

    pub(crate) fn remove_line(&mut self, line: LineId) {
        self.lines.remove(&line);
    }

    pub(crate) fn take_lines(&mut self) -> BTreeSet<LineId> {
        std::mem::take(&mut self.lines)
    }

    pub(crate) fn is_busy(&self) -> bool {
        0 < self.handling
    }

    /// Whether handlers run, and none could be added: all that can happen next is that one of them ends.
    pub(crate) fn depends_on_handlers(&self) -> bool {
        self.is_busy() && self.next().is_none()
    }

    pub(crate) fn handling(&self) -> usize {
        self.handling
    }

    fn used(&self) -> usize {
        self.waiting.len() + self.handling
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally {
            outstanding: self.used() as u64,
            ..self.counts
        }
    }
}
