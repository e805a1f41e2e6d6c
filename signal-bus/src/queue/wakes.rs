//! Wake-ups that are gathered under the lock and happen after it.

use std::{cell::Cell, sync::Arc, task::Waker};

use crate::{
    guarded::{caught, discard},
    queue::entry::{Entry, Ticket},
    signal::{arrival::Ended, segment::Segment},
};

/// A row of wakers as long as this is kept, to be filled again.
const ROW_MAX: usize = 64;

thread_local! {
    /// The rows that were used last.
    static LAST: Cell<Option<Box<Rest>>> = const { Cell::new(None) };
}

/// Wakers to wake once the lock is released: a waker may run anything, also what takes the lock.
///
/// Most steps wake one at most, and pay for no more.
#[derive(Default, Debug)]
#[must_use]
pub(crate) struct Wakes {
    first: Option<Waker>,
    /// One that is not needed any more. To drop it may run anything as well.
    gone: Option<Waker>,
    /// Whether there is news for those who wait for quiet.
    pub(crate) quiet: bool,
    /// Whether there is news for those who wait for the end.
    pub(crate) end: bool,
    /// To be dropped once the lock is released.
    segments: Vec<Arc<Segment>>,
    rest: Option<Box<Rest>>,
}

/// Wakes somebody, who may be the user's and panic.
#[inline]
pub(super) fn wake(waker: Waker) {
    if let Err(panic) = caught(|| waker.wake()) {
        tracing::error!("a waker panicked: {panic}");
    }
}

/// What few steps have: others to wake, and what is to be dropped once the lock is released, for it is the user's, or wakes somebody.
#[derive(Default, Debug)]
struct Rest {
    wakers: Vec<Waker>,
    gone: Vec<Waker>,
    entries: Vec<Entry>,
    /// What was dropped at a limit, and whether the queue was one of those that reply to it.
    lost: Vec<(Entry, bool)>,
    tickets: Vec<Ticket>,
}

impl Wakes {
    pub(crate) fn add(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.rest().wakers.push(waker),
        }
    }

    /// Drops a waker later that is not needed any more.
    #[inline]
    pub(super) fn drop_waker(&mut self, waker: Option<Waker>) {
        if let Some(before) = waker.and_then(|waker| self.gone.replace(waker)) {
            self.rest().gone.push(before);
        }
    }

    /// Whether there is anybody to wake, or anything to tell or to drop.
    #[inline]
    pub(super) fn is_any(&self) -> bool {
        let tells = self.quiet || self.end;
        let is_one = self.first.is_some() || self.gone.is_some();
        is_one || tells || self.rest.is_some() || !self.segments.is_empty()
    }

    /// Expects so many wakers.
    pub(crate) fn expect(&mut self, count: usize) {
        if 1 < count {
            self.rest().wakers.reserve(count - 1);
        }
    }

    fn rest(&mut self) -> &mut Rest {
        // A thread that ends has none any more.
        let last = || LAST.try_with(Cell::take).ok().flatten();
        self.rest.get_or_insert_with(|| last().unwrap_or_default())
    }

    /// Drops a signal later.
    pub(super) fn drop_entry(&mut self, entry: Entry) {
        self.rest().entries.push(entry);
    }

    /// Drops a signal later that had to go at a limit, and tells those who wait for what becomes of it.
    pub(super) fn lose_entry(&mut self, entry: Entry, replies: bool) {
        self.rest().lost.push((entry, replies));
    }

    /// Drops the signals of a segment later.
    pub(super) fn drop_segment(&mut self, segment: Arc<Segment>) {
        self.segments.push(segment);
    }

    /// Says later that a signal was begun with.
    pub(super) fn release(&mut self, ticket: Ticket) {
        self.rest().tickets.push(ticket);
    }

    /// Changes the segments that are dropped later for others, or for the room for them.
    pub(super) fn reuse(&mut self, spare: &mut Vec<Arc<Segment>>) {
        std::mem::swap(&mut self.segments, spare);
    }

    /// Drops the segments that nobody needs any more.
    #[inline]
    pub(super) fn drop_segments(&mut self) {
        if !self.segments.is_empty() {
            self.segments.clear();
        }
    }

    /// Wakes all, also if one of them panics: it is the user's, and whoever wakes it has signals of others to care for.
    #[inline]
    pub(crate) fn wake(&mut self) {
        if let Some(gone) = self.gone.take() {
            discard(gone);
        }
        if let Some(waker) = self.first.take() {
            wake(waker);
        }
        if let Some(rest) = self.rest.take() {
            rest.wake();
        }
    }
}

impl Rest {
    #[cold]
    fn wake(mut self: Box<Self>) {
        self.wakers.drain(..).for_each(wake);
        self.gone.drain(..).for_each(discard);
        self.entries.drain(..).for_each(Entry::discard);
        for (entry, replies) in self.lost.drain(..) {
            if let Err(panic) = caught(|| entry.ended(replies, Ended::Dropped)) {
                tracing::error!("a waker panicked: {panic}");
            }
            entry.discard();
        }
        self.tickets.drain(..).for_each(discard);
        let room = [
            self.wakers.capacity(),
            self.gone.capacity(),
            self.entries.capacity(),
            self.lost.capacity(),
            self.tickets.capacity(),
        ];
        if room.into_iter().all(|room| room <= ROW_MAX) {
            LAST.try_with(|last| last.set(Some(self))).ok();
        }
    }
}
