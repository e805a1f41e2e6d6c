//! What a loopback network keeps, for whom.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    clock::later,
    error::transport::{TransportError, TransportFault},
    topic::pattern::Pattern,
    transport::{Interest, Message, delivery::Verdict, interest::Start},
};

/// Messages that wait in a subscription of a network at most.
const ROOM: usize = 1024;
/// Ids that a network remembers, to store none twice.
const IDS_MAX: usize = 65_536;
/// Messages that a network keeps for those who ask for what was before them: the newest.
const HISTORY_MAX: usize = 1024;

/// What a network keeps.
#[derive(Default, Debug)]
pub(super) struct State {
    shelves: HashMap<u64, Shelf>,
    last: u64,
    /// The newest messages, with their numbers.
    history: VecDeque<(u64, Message)>,
    stored: u64,
    ids: HashSet<String>,
    ids_in_order: VecDeque<String>,
    dead: Vec<(Message, String)>,
    /// Publishers that wait for room.
    publishers: Vec<Waker>,
}

/// What waits for one subscription, or for a group.
#[derive(Debug)]
struct Shelf {
    interest: Interest,
    pattern: Pattern,
    readers: usize,
    waiting: VecDeque<Kept>,
    out: HashMap<u64, (Kept, Instant)>,
    wakers: Vec<Waker>,
}

#[derive(Debug)]
struct Kept {
    message: Message,
    sequence: u64,
    attempts: u32,
    rests_until: Option<Instant>,
}

/// What a reader gets.
pub(super) struct Taken {
    /// The number of this hand-out.
    pub(super) number: u64,
    pub(super) message: Message,
    pub(super) sequence: u64,
    pub(super) attempt: u32,
}

impl Kept {
    fn new(sequence: u64, message: &Message) -> Self {
        Self {
            message: message.clone(),
            sequence,
            attempts: 0,
            rests_until: None,
        }
    }
}

impl State {
    /// Finds the shelf of a group, or sets up one.
    pub(super) fn open(&mut self, interest: &Interest) -> Result<u64, TransportError> {
        let pattern = Pattern::new(&interest.pattern).map_err(|error| {
            let reason = format!("cannot subscribe to {:?}: {error}", interest.pattern);
            TransportError::new(TransportFault::Refused, reason)
        })?;
        let mut shelves = self.shelves.iter_mut();
        if let Some((id, shelf)) = shelves.find(|(_, shelf)| shelf.is_of_group(interest)) {
            shelf.readers += 1;
            return Ok(*id);
        }
        let first = match interest.start {
            Start::Now => self.stored.saturating_add(1),
            Start::Oldest => 0,
            Start::After(sequence) => sequence.saturating_add(1),
        };
        let past = self.history.iter();
        let past = past.filter(|(sequence, _)| first <= *sequence);
        let past = past.filter(|(_, message)| pattern.matches(&message.topic));
        let past = past.map(|(sequence, message)| Kept::new(*sequence, message));
        let waiting = past.collect();
        self.last += 1;
        let id = self.last;
        let shelf = Shelf {
            interest: interest.clone(),
            pattern,
            readers: 1,
            waiting,
            out: HashMap::new(),
            wakers: Vec::new(),
        };
        self.shelves.insert(id, shelf);
        Ok(id)
    }

    /// Puts a message on all shelves it is meant for, if they have room.
    pub(super) fn try_put(&mut self, message: &Message) -> Option<Result<(), TransportError>> {
        match self.poll_put(message, &Context::from_waker(Waker::noop())) {
            Poll::Ready(put) => Some(put),
            Poll::Pending => None,
        }
    }

    /// Puts a message on all shelves it is meant for, or on none as long as one of them has no room.
    pub(super) fn poll_put(
        &mut self,
        message: &Message,
        context: &Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        let Self {
            shelves,
            history,
            stored,
            ids,
            ids_in_order,
            publishers,
            ..
        } = self;
        if message.id().is_some_and(|id| ids.contains(id)) {
            return Poll::Ready(Ok(()));
        }
        let shelves = shelves.values_mut();
        let mut meant: Vec<_> = shelves
            .filter(|shelf| shelf.pattern.matches(&message.topic))
            .collect();
        if let Some(full) = meant.iter().find(|shelf| !shelf.has_room()) {
            if full.readers == 0 {
                let reason = format!("nobody reads `{}`, and it is full", full.interest.pattern);
                return Poll::Ready(Err(TransportError::new(TransportFault::Full, reason)));
            }
            remember(publishers, context);
            return Poll::Pending;
        }
        *stored += 1;
        for shelf in &mut meant {
            shelf.waiting.push_back(Kept::new(*stored, message));
            shelf.wake();
        }
        history.push_back((*stored, message.clone()));
        if HISTORY_MAX < history.len() {
            history.pop_front();
        }
        if let Some(id) = message.id() {
            ids.insert(id.to_owned());
            ids_in_order.push_back(id.to_owned());
            if IDS_MAX < ids_in_order.len() {
                ids_in_order.pop_front().map(|oldest| ids.remove(&oldest));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hears what became of a message.
    pub(super) fn settle(&mut self, shelf: u64, number: u64, verdict: Verdict) {
        let shelf = self.shelves.get_mut(&shelf);
        let Some(shelf) = shelf else { return };
        let Some((mut kept, _)) = shelf.out.remove(&number) else {
            return;
        };
        match verdict {
            Verdict::Done => {}
            Verdict::Dead { reason } => self.dead.push((kept.message, reason)),
            Verdict::Again { after } => {
                kept.rests_until = after.map(|after| later(Instant::now(), after));
                shelf.waiting.push_front(kept);
                shelf.wake();
            }
        }
        self.publishers.drain(..).for_each(Waker::wake);
    }
}

impl State {
    /// What is next on a shelf, with its number; or when there may be something.
    pub(super) fn take(
        &mut self,
        shelf: u64,
        patience: Duration,
        context: &Context<'_>,
    ) -> Result<Taken, Option<Instant>> {
        self.last += 1;
        let number = self.last;
        let shelf = self.shelves.get_mut(&shelf).ok_or(None)?;
        let now = Instant::now();
        shelf.take_back(now);
        let Some(mut kept) = shelf.take(now) else {
            remember(&mut shelf.wakers, context);
            return Err(shelf.next_change());
        };
        kept.attempts += 1;
        let taken = Taken {
            number,
            message: kept.message.clone(),
            sequence: kept.sequence,
            attempt: kept.attempts,
        };
        shelf.out.insert(number, (kept, later(now, patience)));
        Ok(taken)
    }

    /// Leaves a message to its reader for longer.
    pub(super) fn extend(&mut self, shelf: u64, number: u64, patience: Duration) {
        let shelf = self.shelves.get_mut(&shelf);
        let out = shelf.and_then(|shelf| shelf.out.get_mut(&number));
        if let Some((_, until)) = out {
            *until = later(Instant::now(), patience);
        }
    }

    /// A reader goes; what a group has not read stays.
    pub(super) fn leave(&mut self, shelf: u64) {
        if let Some(left) = self.shelves.get_mut(&shelf) {
            left.readers -= 1;
            if left.interest.group.is_none() {
                self.shelves.remove(&shelf);
            }
        }
        self.wake_all();
    }

    /// Messages that wait, or that readers have.
    pub(super) fn outstanding(&self) -> usize {
        let shelves = self.shelves.values();
        shelves
            .map(|shelf| shelf.waiting.len() + shelf.out.len())
            .sum()
    }

    pub(super) fn dead(&self) -> &[(Message, String)] {
        &self.dead
    }

    pub(super) fn wake_all(&mut self) {
        self.shelves.values_mut().for_each(Shelf::wake);
        self.publishers.drain(..).for_each(Waker::wake);
    }
}

/// Remembers who waits, once.
fn remember(wakers: &mut Vec<Waker>, context: &Context<'_>) {
    let waker = context.waker();
    if !wakers.iter().any(|one| one.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

impl Shelf {
    /// Whether it is that of the group which asks.
    fn is_of_group(&self, interest: &Interest) -> bool {
        let one = |interest: &Interest| (interest.group.clone(), interest.pattern.clone());
        interest.group.is_some() && one(&self.interest) == one(interest)
    }

    fn has_room(&self) -> bool {
        self.waiting.len() + self.out.len() < ROOM
    }

    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Takes back what was given out for too long.
    fn take_back(&mut self, now: Instant) {
        let late = self.out.iter().filter(|(_, (_, until))| *until <= now);
        let mut late: Vec<_> = late.map(|(number, _)| *number).collect();
        late.sort_unstable();
        for number in late.into_iter().rev() {
            if let Some((kept, _)) = self.out.remove(&number) {
                self.waiting.push_front(kept);
            }
        }
    }

    /// The first that may be handed out.
    fn take(&mut self, now: Instant) -> Option<Kept> {
        let rests = |kept: &Kept| kept.rests_until.is_some_and(|until| now < until);
        let first = self.waiting.iter().position(|kept| !rests(kept))?;
        self.waiting.remove(first)
    }

    /// When something changes by itself.
    fn next_change(&self) -> Option<Instant> {
        let rests = self.waiting.iter().filter_map(|kept| kept.rests_until);
        let out = self.out.values().map(|(_, until)| *until);
        rests.chain(out).min()
    }
}
