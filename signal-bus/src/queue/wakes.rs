//! Wake-ups that are gathered under the lock and happen after it.

use std::{cell::Cell, sync::Arc, task::Waker};

use crate::{
    guarded::{caught, discard},
    queue::entry::{Entry, Ticket},
    signal::segment::Segment,
};

/// A row of wakers as long as this is kept, to be filled again.
const ROW_MAX: usize = 64;

thread_local! {
    /// The row that was used last.
    static ROW: Cell<Vec<Waker>> = const { Cell::new(Vec::new()) };
}

/// Wakers to wake once the lock is released: a waker may run anything, also what takes the lock.
#[derive(Default, Debug)]
#[must_use]
pub(crate) struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
    /// Whether there is news for those who wait for quiet.
    pub(crate) quiet: bool,
    /// Whether there is news for those who wait for the end.
    pub(crate) end: bool,
    pub(super) unused: Unused,
}

fn wake(waker: Waker) {
    if let Err(panic) = caught(|| waker.wake()) {
        tracing::error!("a waker panicked: {panic}");
    }
}

/// What is to be dropped once the lock is released: it is the user's, or wakes somebody.
#[derive(Default, Debug)]
pub(super) struct Unused {
    pub(super) entries: Vec<Entry>,
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) tickets: Vec<Ticket>,
}

impl Wakes {
    pub(crate) fn add(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.find_row();
            self.more.push(waker);
        }
    }

    /// Expects so many wakers.
    pub(crate) fn expect(&mut self, count: usize) {
        if 1 < count {
            self.find_row();
            self.more.reserve(count - 1);
        }
    }

    fn find_row(&mut self) {
        if self.more.capacity() == 0 {
            // A thread that ends has none any more.
            self.more = ROW.try_with(Cell::take).unwrap_or_default();
        }
    }

    /// Keeps the room of what is dropped, for segments to come; the signals in it are dropped here.
    pub(super) fn reuse(&mut self, spare: &mut Vec<Arc<Segment>>) {
        std::mem::swap(&mut self.unused.segments, spare);
    }

    /// Drops the segments that nobody needs any more.
    pub(super) fn drop_segments(&mut self) {
        self.unused.segments.clear();
    }

    /// Wakes all, also if one of them panics: it is the user's, and whoever wakes it has signals of others to care for.
    #[inline]
    pub(crate) fn wake(&mut self) {
        if let Some(waker) = self.first.take() {
            wake(waker);
        }
        if !(self.more.is_empty() && self.unused.is_empty()) {
            self.wake_more();
        }
    }

    #[cold]
    fn wake_more(&mut self) {
        self.more.drain(..).for_each(wake);
        if self.more.capacity() <= ROW_MAX {
            let row = std::mem::take(&mut self.more);
            ROW.try_with(|last| last.set(row)).ok();
        }
        self.unused.entries.drain(..).for_each(Entry::discard);
        self.unused.tickets.drain(..).for_each(discard);
    }
}

impl Unused {
    /// Segments see to themselves.
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.tickets.is_empty()
    }
}
