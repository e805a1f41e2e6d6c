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
    task::Waker,
};

use crate::{
    queue::{
        alike::Alike, cohort::Cohort, entry::Ticket, idle::Idle, line::LineId, reading::Reading,
        stores::QueueId, wakes::Wakes,
    },
    signal::{
        label::{About, Stamp},
        segment::Segment,
        values::Put,
    },
};

/// So many emptied segments are kept to be filled again, or as many as a full log has of late.
const SPARE_MAX: usize = 16;
/// And so many where signals come now and then.
const SPARE_USUAL: usize = 2;

/// Identifies a log of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LogId(u32);

impl LogId {
    pub(crate) fn of(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The signals that some reader is not done with.
#[derive(Debug)]
pub(crate) struct Log {
    /// Signals in it at most.
    pub(super) capacity: usize,
    /// Signals in a segment at most.
    pub(super) segment_max: usize,
    /// Signals in the last one.
    pub(super) usual: usize,
    /// Those who get what is put in.
    pub(super) readers: Vec<QueueId>,
    /// Those who wait for something to be put in.
    pub(super) idle: Idle,
    /// Those who go through it together.
    pub(super) cohort: Cohort,
    /// The readers that have signals of their own beside it.
    beside: Vec<QueueId>,
    pub(super) sealed: VecDeque<Sealed>,
    /// The number of the first sealed segment.
    pub(super) first: u64,
    /// Whether segments have gone since lines were told last.
    pub(super) moved: bool,
    pub(super) open: Segment,
    /// What may be put into that without further questions.
    pub(super) alike: Alike,
    /// How many signals are in it.
    pub(super) used: usize,
    /// How many signals were ever put in; readers look at it, too.
    pub(super) end: Arc<AtomicU64>,
    /// Lines whose first publisher waits for room here.
    lines: BTreeSet<LineId>,
    spare: Vec<Arc<Segment>>,
}

#[derive(Debug)]
pub(super) struct Sealed {
    /// `None` once its last reader has begun with it.
    pub(super) segment: Option<Arc<Segment>>,
    size: usize,
    /// Readers that are not done with it.
    left: usize,
    /// Readers that have not begun with it.
    ahead: usize,
    /// Held until all have begun.
    ticket: Option<Ticket>,
}

impl Sealed {
    fn begin(&mut self, readers: usize, wakes: &mut Wakes) {
        self.ahead -= readers;
        if self.ahead == 0 {
            self.ticket
                .take()
                .into_iter()
                .for_each(|ticket| wakes.release(ticket));
        }
    }

    /// A share for those who begin. With the last of them it has all of them, and whoever is done last can use it again.
    fn hand(&mut self) -> Option<Arc<Segment>> {
        match self.ahead == 0 {
            true => self.segment.take(),
            false => self.segment.clone(),
        }
    }
}

impl Log {
    pub(super) fn new(capacity: usize, segment_max: usize) -> Self {
        Self {
            capacity,
            segment_max,
            usual: 1,
            readers: Vec::new(),
            idle: Idle::default(),
            cohort: Cohort::default(),
            beside: Vec::new(),
            sealed: VecDeque::new(),
            first: 0,
            moved: false,
            open: Segment::default(),
            alike: Alike::default(),
            used: 0,
            end: Arc::default(),
            lines: BTreeSet::new(),
            spare: Vec::new(),
        }
    }

    /// Lets a reader have all that is put in from now on.
    pub(super) fn join(&mut self, id: LogId, reader: QueueId) -> Reading {
        self.seal(None);
        self.readers.push(reader);
        let next = self.first + self.sealed.len() as u64;
        Reading::new(id, Arc::clone(&self.end), next)
    }

    /// Gives a signal of its own to a reader its place, behind those that wait.
    pub(super) fn go_beside(&mut self, reading: &mut Reading, reader: QueueId) {
        self.seal(None);
        reading.own.push_back(reading.end());
        if !std::mem::replace(&mut reading.beside, true) {
            self.beside.push(reader);
        }
    }

    /// Notes that a reader has no signals of its own any more, once it is done with them.
    pub(super) fn come_back(&mut self, reading: &mut Reading, reader: QueueId) {
        if reading.beside && reading.own.is_empty() {
            reading.beside = false;
            self.beside.retain(|other| *other != reader);
        }
    }

    /// The number of the oldest segment that is kept.
    pub(super) fn first(&self) -> u64 {
        self.first
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
        self.capacity <= self.used.saturating_add(more)
    }

    /// Puts a signal in.
    #[inline]
    pub(super) fn put(
        &mut self,
        value: &mut dyn Put,
        stamp: &mut Stamp,
        about: &Arc<About>,
        ticket: Option<Ticket>,
    ) {
        self.alike.pause();
        if ticket.is_some() {
            // It is begun with by itself, so that it is known when.
            self.seal(None);
        }
        // It will likely be as long as the one before it.
        let room = self.usual;
        if !self.open.put(value, stamp, about, room) {
            self.seal(None);
            let put = self.open.put(value, stamp, about, room);
            assert!(put, "an empty segment takes anything");
        }
        self.used += 1;
        // Written under the lock only.
        self.end.store(self.end() + 1, Ordering::Relaxed);
        if ticket.is_some() || self.open.is_full(self.segment_max) {
            self.seal(ticket);
        }
    }

    pub(super) fn seal(&mut self, ticket: Option<Ticket>) {
        self.alike.end();
        if self.open.is_empty() {
            return;
        }
        let spare = self.spare.pop();
        let mut segment = spare.unwrap_or_else(|| Arc::new(self.open.alike()));
        let empty = Arc::get_mut(&mut segment).expect("a spare segment is nobody's");
        // A burst is remembered for a while.
        self.usual = self.open.len().max(self.usual / 2);
        std::mem::swap(empty, &mut self.open);
        self.sealed.push_back(Sealed {
            size: segment.len(),
            segment: Some(segment),
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
        sealed.hand()
    }

    fn advance(&mut self, reading: &mut Reading, wakes: &mut Wakes) -> Option<&mut Sealed> {
        if reading.waiting() == 0 {
            return None;
        }
        let sealed = self.sealed_at(reading.next)?;
        reading.next += 1;
        reading.at += sealed.size as u64;
        sealed.begin(1, wakes);
        Some(sealed)
    }

    /// The segment of this number, which may be at the open end.
    fn sealed_at(&mut self, number: u64) -> Option<&mut Sealed> {
        let at = usize::try_from(number - self.first).ok()?;
        if at == self.sealed.len() {
            self.seal(None);
        }
        self.sealed.get_mut(at)
    }

    /// Hands so many readers the segment of this number.
    pub(super) fn begin_segment(
        &mut self,
        number: u64,
        readers: usize,
        wakes: &mut Wakes,
    ) -> Option<Arc<Segment>> {
        let sealed = self.sealed_at(number)?;
        sealed.begin(readers, wakes);
        sealed.hand()
    }

    /// Notes that so many readers are done with the segment of this number.
    pub(super) fn leave_segment(&mut self, number: u64, readers: usize, wakes: &mut Wakes) {
        let at = usize::try_from(number - self.first).ok();
        if let Some(sealed) = at.and_then(|at| self.sealed.get_mut(at)) {
            sealed.left -= readers;
            self.free(wakes);
        }
    }

    /// How many signals were ever put in.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// Notes that a reader is done with the segment it has.
    pub(super) fn done(&mut self, reading: &mut Reading, wakes: &mut Wakes) {
        self.done_alone(reading);
        if let Some(held) = reading.held.take() {
            self.leave_segment(held, 1, wakes);
        }
    }

    /// Takes out the oldest segments, as far as nobody needs them any more.
    fn free(&mut self, wakes: &mut Wakes) {
        while self.sealed.front().is_some_and(|sealed| sealed.left == 0) {
            self.first += 1;
            self.moved = true;
            let sealed = self.sealed.pop_front();
            self.used -= sealed.as_ref().map_or(0, |sealed| sealed.size);
            if let Some(segment) = sealed.and_then(|sealed| sealed.segment) {
                wakes.drop_segment(segment);
            }
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
        self.alike.pause();
        if !std::mem::replace(&mut reading.idle, true) {
            self.idle.add(reader);
        }
        self.part_with_spare();
    }

    /// Remembers who drives readers that have all found nothing.
    pub(super) fn idle_together(&mut self, driver: &Waker) {
        self.alike.pause();
        self.idle.add_driver(driver);
        self.part_with_spare();
    }

    /// Gives back bit by bit what a burst has needed.
    pub(super) fn part_with_spare(&mut self) {
        if SPARE_USUAL < self.spare.len() {
            self.spare.pop();
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
        // Where readers come for each signal, a full log has as many segments as signals.
        let most = SPARE_MAX.max(self.capacity / self.usual);
        if self.spare.len() < most {
            self.spare.push(segment);
        }
    }
}
