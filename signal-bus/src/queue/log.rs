//! The signals of one topic for all subscriptions that take them one after the other: each lies there once.
//!
//! What is published is put at the open end. A reader who wants something seals that end, and from then on it is a segment
//! that nobody changes, so readers have it without the lock; a segment goes when the last of them is done with it. So a publish
//! costs the same for two readers and for a thousand, and what a reader pays for the lock, the count and the wake-up
//! it pays once a segment. How long segments get follows from how far the readers are behind.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    queue::{entry::Ticket, line::LineId, stores::QueueId, wakes::Wakes},
    signal::{Signal, run::Segment},
};

/// So many emptied segments are kept to be filled again.
const SPARE_MAX: usize = 4;

/// Identifies a log of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LogId(u32);

impl LogId {
    pub(super) fn of(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The signals that some reader is not done with.
#[derive(Debug)]
pub(crate) struct Log {
    /// Signals in it at most.
    capacity: usize,
    /// Signals in a segment at most.
    segment_max: usize,
    /// Those who get what is put in.
    readers: Vec<QueueId>,
    /// The readers that wait for something to be put in.
    idle: Vec<QueueId>,
    /// The readers that have signals of their own beside it.
    beside: Vec<QueueId>,
    sealed: VecDeque<Sealed>,
    /// The number of the first sealed segment.
    first: u64,
    /// Whether segments have gone since lines were told last.
    moved: bool,
    open: Vec<Signal>,
    /// How many signals were ever put in; readers look at it, too.
    end: Arc<AtomicU64>,
    /// Lines whose first publisher waits for room here.
    lines: BTreeSet<LineId>,
    spare: Vec<Arc<Segment>>,
}

#[derive(Debug)]
struct Sealed {
    /// `None` once its last reader has it.
    segment: Option<Arc<Segment>>,
    size: usize,
    /// How many signals were put in before.
    start: u64,
    /// Readers that are not done with it.
    left: usize,
    /// Readers that have not begun with it.
    ahead: usize,
    /// Held until all have begun.
    ticket: Option<Ticket>,
}

/// How far a subscription has read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(super) log: LogId,
    /// As the log's.
    end: Arc<AtomicU64>,
    /// How many signals were put in when it came.
    since: u64,
    /// How many were put in when it was closed.
    until: Option<u64>,
    /// How many were put in before what it takes next.
    at: u64,
    /// The number of the segment it takes next.
    next: u64,
    /// The number of the segment that it is not done with.
    held: Option<u64>,
    /// Whether it is among the idle.
    idle: bool,
    /// How many were put in before each of the signals that it has of its own.
    own: VecDeque<u64>,
}

impl Reading {
    /// How many signals it has not taken.
    pub(super) fn waiting(&self) -> usize {
        usize::try_from(self.end() - self.at).unwrap_or(usize::MAX)
    }

    /// How many signals it was to get.
    pub(super) fn accepted(&self) -> u64 {
        self.end() - self.since
    }

    fn end(&self) -> u64 {
        // Written under the lock, and read under it.
        self.until
            .unwrap_or_else(|| self.end.load(Ordering::Relaxed))
    }

    /// Whether it is among those for whom the oldest segment is kept.
    pub(super) fn holds_up(&self, log: &Log) -> bool {
        self.held.unwrap_or(self.next) == log.first
    }
}

impl Log {
    pub(super) fn new(capacity: usize, segment_max: usize) -> Self {
        Self {
            capacity,
            segment_max,
            readers: Vec::new(),
            idle: Vec::new(),
            beside: Vec::new(),
            sealed: VecDeque::new(),
            first: 0,
            moved: false,
            open: Vec::new(),
            end: Arc::default(),
            lines: BTreeSet::new(),
            spare: Vec::new(),
        }
    }

    /// Lets a reader have all that is put in from now on.
    pub(super) fn join(&mut self, id: LogId, reader: QueueId) -> Reading {
        self.seal(None);
        self.readers.push(reader);
        let end = self.end.load(Ordering::Relaxed);
        Reading {
            log: id,
            end: Arc::clone(&self.end),
            since: end,
            until: None,
            at: end,
            next: self.first + self.sealed.len() as u64,
            held: None,
            idle: false,
            own: VecDeque::new(),
        }
    }

    /// Gives a signal of its own to a reader its place, behind those that wait.
    pub(super) fn go_beside(&mut self, reading: &mut Reading, reader: QueueId) {
        self.seal(None);
        reading.own.push_back(reading.end());
        if !self.beside.contains(&reader) {
            self.beside.push(reader);
        }
    }

    /// Notes that a reader has no signals of its own any more.
    pub(super) fn come_back(&mut self, reader: QueueId) {
        self.beside.retain(|other| *other != reader);
    }

    /// The readers that have signals of their own, and so less room than others.
    pub(super) fn beside(&self) -> &[QueueId] {
        &self.beside
    }

    pub(super) fn readers(&self) -> &[QueueId] {
        &self.readers
    }

    /// Whether a publisher has to wait for room.
    pub(super) fn is_full(&self) -> bool {
        self.lacks_room(0)
    }

    /// As [`is_full`](Self::is_full), once there were `more`.
    pub(super) fn lacks_room(&self, more: usize) -> bool {
        self.capacity <= self.used().saturating_add(more)
    }

    fn used(&self) -> usize {
        let end = self.end.load(Ordering::Relaxed);
        let start = self.sealed.front().map(|sealed| sealed.start);
        let kept = start.map_or(self.open.len() as u64, |start| end - start);
        usize::try_from(kept).unwrap_or(usize::MAX)
    }

    /// Puts a signal in.
    pub(super) fn push(&mut self, signal: Signal, ticket: Option<Ticket>) {
        if ticket.is_some() {
            // It is begun with by itself, so that it is known when.
            self.seal(None);
        }
        self.open.push(signal);
        self.end.fetch_add(1, Ordering::Relaxed);
        if ticket.is_some() || self.segment_max <= self.open.len() {
            self.seal(ticket);
        }
    }

    fn seal(&mut self, ticket: Option<Ticket>) {
        if self.open.is_empty() {
            return;
        }
        let mut segment = self.spare.pop().unwrap_or_default();
        let start = self.end.load(Ordering::Relaxed) - self.open.len() as u64;
        match Arc::get_mut(&mut segment) {
            Some(empty) => empty.fill(&mut self.open),
            // Nobody else has a spare one.
            None => segment = Arc::new(Segment::of(std::mem::take(&mut self.open))),
        }
        self.sealed.push_back(Sealed {
            size: segment.len(),
            segment: Some(segment),
            start,
            left: self.readers.len(),
            ahead: self.readers.len(),
            ticket,
        });
    }

    /// Hands a reader its next segment, if there is one.
    pub(super) fn take(
        &mut self,
        reading: &mut Reading,
        wakes: &mut Wakes,
    ) -> Option<Arc<Segment>> {
        let number = reading.next;
        let sealed = self.advance(reading, wakes)?;
        reading.held = Some(number);
        match sealed.left {
            1 => sealed.segment.take(),
            _ => sealed.segment.clone(),
        }
    }

    fn advance(&mut self, reading: &mut Reading, wakes: &mut Wakes) -> Option<&mut Sealed> {
        if reading.waiting() == 0 {
            return None;
        }
        let at = usize::try_from(reading.next - self.first).ok()?;
        if at == self.sealed.len() {
            self.seal(None);
        }
        let sealed = self.sealed.get_mut(at)?;
        reading.next += 1;
        reading.at += sealed.size as u64;
        sealed.ahead -= 1;
        if sealed.ahead == 0 {
            wakes.unused.tickets.extend(sealed.ticket.take());
        }
        Some(sealed)
    }

    /// Notes that a reader is done with the segment it has.
    pub(super) fn done(&mut self, reading: &mut Reading, wakes: &mut Wakes) {
        let held = reading.held.take();
        let at = held.and_then(|held| usize::try_from(held - self.first).ok());
        if let Some(sealed) = at.and_then(|at| self.sealed.get_mut(at)) {
            sealed.left -= 1;
            self.free(wakes);
        }
    }

    /// Takes out the oldest segments, as far as nobody needs them any more.
    fn free(&mut self, wakes: &mut Wakes) {
        while self.sealed.front().is_some_and(|sealed| sealed.left == 0) {
            self.first += 1;
            self.moved = true;
            let sealed = self.sealed.pop_front();
            wakes
                .unused
                .segments
                .extend(sealed.and_then(|sealed| sealed.segment));
        }
    }

    /// Lets a reader have nothing further; what it has not taken it still may.
    pub(super) fn close(&mut self, reading: &mut Reading, reader: QueueId) {
        self.seal(None);
        self.readers.retain(|other| *other != reader);
        reading
            .until
            .get_or_insert(self.end.load(Ordering::Relaxed));
    }

    /// Takes from a reader what it has not taken, and returns how many signals those were.
    pub(super) fn forget(&mut self, reading: &mut Reading, wakes: &mut Wakes) -> usize {
        let mut forgotten = 0;
        while let Some(sealed) = self.advance(reading, wakes) {
            sealed.left -= 1;
            forgotten += sealed.size;
        }
        self.free(wakes);
        forgotten
    }

    /// Remembers a reader that has found nothing.
    pub(super) fn idle(&mut self, reading: &mut Reading, reader: QueueId) {
        if !std::mem::replace(&mut reading.idle, true) {
            self.idle.push(reader);
        }
    }

    /// The readers that have found nothing, who are to be woken, in the order in which they came.
    pub(super) fn take_idle(&mut self) -> Vec<QueueId> {
        let mut idle = std::mem::take(&mut self.idle);
        if !idle.is_sorted() {
            idle.sort_unstable();
        }
        idle
    }

    /// Gives back the room of what [`take_idle`](Self::take_idle) has returned.
    pub(super) fn reuse_idle(&mut self, mut woken: Vec<QueueId>) {
        woken.clear();
        if self.idle.is_empty() {
            self.idle = woken;
        }
    }

    pub(super) fn add_line(&mut self, line: LineId) {
        self.lines.insert(line);
    }

    pub(super) fn remove_line(&mut self, line: LineId) {
        self.lines.remove(&line);
    }

    /// The lines to tell of room, if there is any; and whether others may hold it up than the last time.
    pub(super) fn take_lines(&mut self) -> (BTreeSet<LineId>, bool) {
        let lines = match self.is_full() {
            true => BTreeSet::new(),
            false => std::mem::take(&mut self.lines),
        };
        let others = std::mem::take(&mut self.moved) || !self.beside.is_empty();
        (lines, others)
    }

    /// Keeps an emptied segment, to be filled again.
    pub(super) fn keep_spare(&mut self, segment: Arc<Segment>) {
        if self.spare.len() < SPARE_MAX {
            self.spare.push(segment);
        }
    }
}

impl Reading {
    /// Notes that it was woken.
    pub(super) fn wakes(&mut self) {
        self.idle = false;
    }

    /// Whether a signal of its own is what it takes next.
    pub(super) fn is_own_next(&self) -> bool {
        self.own.front().is_some_and(|before| *before <= self.at)
    }

    /// Notes that it takes a signal of its own.
    pub(super) fn take_own(&mut self) {
        self.own.pop_front();
    }
}
