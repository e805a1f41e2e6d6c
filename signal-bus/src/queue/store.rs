//! One subscription's queue, inside the lock.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::Arc,
    task::Waker,
};

use tokio::time::Instant;

use crate::{
    caller::Caller,
    queue::{
        Ending, Settings,
        crew::Crew,
        entry::Entry,
        line::LineId,
        log::Log,
        parked::{Parked, WorkerId},
        reading::Reading,
        wakes::Wakes,
    },
    registry::subscriber::Overflow,
    report::Tally,
    signal::lead::Lead,
};

/// What a queue has for its worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Supply {
    /// Something to take now.
    Ready,
    /// A batch that is not full, but has to go at this time.
    At(Instant),
    Nothing,
    /// Nothing, now or later.
    Ended,
}

/// A queue that waits for signals keeps room for so many; what a burst has needed is given back.
const IDLE_ROOM_MAX: usize = 4;

/// The signals that wait for one subscription, and the counts of the others.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) settings: Settings,
    pub(super) crew: Crew,
    pub(super) waiting: VecDeque<Entry>,
    /// How far it has read in a log, where it has a part in one.
    pub(super) reading: Option<Box<Reading>>,
    /// Signals in handlers.
    pub(super) handling: usize,
    /// What leads the run they are in, or the last one.
    pub(super) lead: Option<Arc<Lead>>,
    /// Whether they are in one.
    pub(super) runs: bool,
    /// Keys of the signals in handlers, where the queue is keyed.
    #[expect(
        clippy::box_collection,
        reason = "most have none, and pay for a pointer"
    )]
    busy_keys: Option<Box<HashSet<u64>>>,
    /// Whether it takes signals in; what waits is handed out all the same.
    pub(super) open: bool,
    /// Workers that found nothing to take.
    pub(super) parked: Parked,
    /// Lines whose first publisher waits for room here.
    #[expect(
        clippy::box_collection,
        reason = "most have none, and pay for a pointer"
    )]
    lines: Option<Box<BTreeSet<LineId>>>,
    pub(super) counts: Tally,
    /// Who has looked for signals by hand.
    reader: Option<Caller>,
}

impl Store {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            crew: Crew::new(settings.limit, settings.shared),
            waiting: VecDeque::new(),
            reading: None,
            handling: 0,
            lead: None,
            runs: false,
            busy_keys: settings.keyed.then(Box::default),
            open: true,
            parked: Parked::default(),
            lines: None,
            counts: Tally::default(),
            reader: None,
            settings,
        }
    }

    /// Whether its handler replies to requests.
    pub(crate) fn replies(&self) -> bool {
        self.settings.replies
    }

    pub(crate) fn is_serial(&self) -> bool {
        self.settings.is_serial()
    }

    pub(crate) fn is_pulled(&self) -> bool {
        self.settings.pulled
    }

    pub(crate) fn capacity(&self) -> usize {
        self.settings.capacity.get()
    }

    pub(crate) fn is_batched(&self) -> bool {
        self.settings.batch.is_some()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether a publisher has to wait for room.
    pub(crate) fn is_full(&self) -> bool {
        self.lacks_room(0)
    }

    /// As [`is_full`](Self::is_full), once there were `more`.
    pub(super) fn lacks_room(&self, more: usize) -> bool {
        let waits = self.open && self.settings.overflow == Overflow::Wait;
        waits && self.settings.capacity.get() <= self.used().saturating_add(more)
    }

    fn at_capacity(&self) -> bool {
        self.settings.capacity.get() <= self.used()
    }

    /// Puts a signal in; whether there is one more then: at a limit one may have to go for it.
    pub(crate) fn push(&mut self, mut entry: Entry, wakes: &mut Wakes) -> bool {
        let full = self.at_capacity();
        self.counts.accepted += 1;
        match self.settings.overflow {
            Overflow::DropNewest if full => {
                self.counts.dropped += 1;
                wakes.lose_entry(entry, self.settings.replies);
                return false;
            }
            Overflow::DropOldest if full => {
                self.counts.dropped += 1;
                self.waiting.push_back(entry);
                let oldest = self.waiting.pop_front().into_iter();
                oldest.for_each(|oldest| wakes.lose_entry(oldest, self.settings.replies));
                return false;
            }
            _ => {}
        }
        if self.waiting.capacity() == 0 {
            // Many queues have one signal now and then.
            self.waiting.reserve_exact(1);
        }
        let within = self.settings.batch.and_then(|batch| batch.within);
        entry.since = within.map(|_| Instant::now());
        self.waiting.push_back(entry);
        // A batch is begun by its first signal and ended by its last; those between wake nobody.
        let between = within.is_some() && 1 < self.waiting.len() && !self.fills_a_batch();
        if !between {
            self.wake_one(wakes);
        }
        true
    }

    /// What there is to take; `flush` where a batch need not wait for others.
    pub(crate) fn supply(&self, flush: bool) -> Supply {
        let Some(at) = self.next() else {
            return match self.open || 0 < self.left() {
                true => Supply::Nothing,
                false => Supply::Ended,
            };
        };
        let Some(within) = self.settings.batch.and_then(|batch| batch.within) else {
            return Supply::Ready;
        };
        if flush || !self.open || self.fills_a_batch() {
            return Supply::Ready;
        }
        let due = self.waiting[at]
            .since
            .and_then(|since| since.checked_add(within));
        match due {
            Some(due) if Instant::now() < due => Supply::At(due),
            _ => Supply::Ready,
        }
    }

    fn fills_a_batch(&self) -> bool {
        let batch = self.settings.batch;
        // A full queue gets no further signal, so the batch is as full as it will be.
        batch.is_some_and(|batch| batch.size <= self.waiting.len()) || self.at_capacity()
    }

    /// Hands the next signal to a handler, if there is one that may be handled now.
    pub(crate) fn take(&mut self, worker: WorkerId) -> Option<Entry> {
        // Of the runtime: nothing happens where it is dropped.
        drop(self.parked.unpark(worker));
        let at = self.next()?;
        let entry = self.waiting.remove(at)?;
        self.handling += 1;
        self.crew.begin(worker);
        if let Some(keys) = &mut self.busy_keys {
            keys.insert(entry.key);
        }
        Some(entry)
    }

    /// Hands the next batch to a handler.
    pub(crate) fn take_batch(&mut self, worker: WorkerId, wakes: &mut Wakes) -> Vec<Entry> {
        wakes.drop_waker(self.parked.unpark(worker));
        let size = self.settings.batch.map_or(1, |batch| batch.size);
        if self.next().is_none() {
            return Vec::new();
        }
        let size = size.min(self.waiting.len());
        self.handling += size;
        self.crew.begin(worker);
        let batch = self.waiting.drain(..size).collect();
        if self.next().is_some() {
            // Another member's, if there is one: nobody was woken for what came between.
            self.wake_one(wakes);
        }
        batch
    }

    /// Hands the next signal to a reader, who is done with it when he has it.
    pub(crate) fn pull(&mut self, reader: WorkerId, wakes: &mut Wakes) -> Option<Entry> {
        wakes.drop_waker(self.parked.unpark(reader));
        self.reader = Some(Caller::here());
        let entry = self.waiting.pop_front()?;
        self.counts.done += 1;
        Some(entry)
    }

    /// Whether signals wait that nobody can be expected to read while `caller` waits for that.
    pub(crate) fn is_unread_in(&self, caller: Option<Caller>) -> bool {
        self.has_unread() && self.reader.is_none_or(|reader| Some(reader) == caller)
    }

    /// Whether signals wait for a reader.
    pub(crate) fn has_unread(&self) -> bool {
        self.settings.pulled && !self.waiting.is_empty()
    }

    fn next(&self) -> Option<usize> {
        if !self.crew.has_room() {
            return None;
        }
        let Some(keys) = &self.busy_keys else {
            return (0 < self.left()).then_some(0);
        };
        let mut waiting = self.waiting.iter();
        waiting.position(|entry| !keys.contains(&entry.key))
    }

    /// Counts signals that were handled, makes room for others, and lets a worker know.
    pub(crate) fn finish(
        &mut self,
        worker: WorkerId,
        keys: &[u64],
        ending: Ending,
        wakes: &mut Wakes,
    ) {
        self.settle(worker, keys, ending);
        self.wake_for_next(wakes);
    }

    /// Counts signals that were handled, and makes room for others.
    pub(crate) fn settle(&mut self, worker: WorkerId, keys: &[u64], ending: Ending) {
        self.crew.end(worker);
        self.handling -= keys.len();
        if let Some(busy) = &mut self.busy_keys {
            for key in keys {
                busy.remove(key);
            }
        }
        match ending {
            Ending::Done => self.counts.done += keys.len() as u64,
            Ending::Dead => self.counts.dead += keys.len() as u64,
            Ending::Abandoned => self.counts.abandoned += keys.len() as u64,
        }
    }

    /// Wakes somebody if there is something to take.
    pub(crate) fn wake_for_next(&mut self, wakes: &mut Wakes) {
        if self.next().is_some() {
            self.wake_one(wakes);
        }
    }

    /// Gives up on what waits; it is returned, to be dropped.
    pub(crate) fn abandon_waiting(&mut self) -> VecDeque<Entry> {
        self.counts.abandoned += self.waiting.len() as u64;
        std::mem::take(&mut self.waiting)
    }

    /// Gives up on all signals; those that waited are returned, to be dropped.
    pub(crate) fn abandon(&mut self, logs: &mut [Log], wakes: &mut Wakes) -> VecDeque<Entry> {
        self.run().into_iter().for_each(Lead::stop);
        self.settle_begun();
        self.counts.abandoned += self.handling as u64;
        self.handling = 0;
        self.crew.forget_rests();
        self.runs = false;
        self.wake_all(wakes);
        self.abandon_shared(logs, wakes);
        self.abandon_waiting()
    }

    /// Whether nobody will take anything from it or put anything in.
    pub(crate) fn is_over(&self) -> bool {
        !self.open && self.used() == 0
    }

    /// Leaves the waker of a worker that found nothing; returns the one that it left before, if that is another one.
    #[must_use = "a reader's may do anything where it is dropped, so that is not under the lock"]
    pub(crate) fn park(&mut self, worker: WorkerId, waker: &Waker) -> Option<Waker> {
        if self.waiting.is_empty() && IDLE_ROOM_MAX < self.waiting.capacity() {
            self.waiting = VecDeque::new();
        }
        self.parked.park(worker, waker)
    }

    /// Wakes a worker; or all readers, since one that is woken may have turned to something else and not come back.
    fn wake_one(&mut self, wakes: &mut Wakes) {
        match self.settings.pulled {
            true => self.parked.wake_all(wakes),
            false => self.parked.wake_one(wakes),
        }
    }

    pub(crate) fn wake_all(&mut self, wakes: &mut Wakes) {
        self.parked.wake_all(wakes);
    }

    /// Remembers a line to tell when there is room.
    pub(crate) fn add_line(&mut self, line: LineId) {
        self.lines.get_or_insert_default().insert(line);
    }

    pub(crate) fn remove_line(&mut self, line: LineId) {
        if let Some(lines) = &mut self.lines {
            lines.remove(&line);
        }
    }

    pub(crate) fn take_lines(&mut self) -> impl Iterator<Item = LineId> + use<> {
        self.lines.take().into_iter().flat_map(|lines| *lines)
    }

    /// Whether a handler has begun and not ended.
    pub(crate) fn is_called(&self) -> bool {
        self.is_busy() && self.run().is_none_or(Lead::is_on)
    }

    pub(crate) fn is_busy(&self) -> bool {
        0 < self.handling
    }

    /// Whether handlers run, and none could be added: all that can happen next is that one of them ends.
    pub(crate) fn depends_on_handlers(&self) -> bool {
        self.is_busy() && self.next().is_none() && !self.crew.may_resume()
    }

    /// Calls of handlers that run.
    pub(crate) fn calls(&self) -> usize {
        self.crew.calls()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.left() + self.ahead() + self.crew.resting()
    }

    /// Signals that are in no handler and in no run.
    pub(super) fn left(&self) -> usize {
        let shared = self.reading.as_ref();
        self.waiting.len() + shared.map_or(0, |reading| reading.waiting())
    }

    fn used(&self) -> usize {
        self.left() + self.handling
    }

    pub(crate) fn tally(&self) -> Tally {
        let done = self.run().map_or(0, Lead::unsettled);
        let shared = self.reading.as_ref();
        Tally {
            accepted: self.counts.accepted + shared.map_or(0, |reading| reading.accepted()),
            done: self.counts.done + done as u64,
            outstanding: (self.used() - done) as u64,
            ..self.counts
        }
    }
}
