//! The usual way of a signal: into the log of its topic, at once, if nothing at all stands in its way.

use std::{num::NonZeroUsize, sync::Arc};

use crate::{
    clock::Tick,
    queue::{
        Exchange, State,
        line::{Line, LineId},
        log::LogId,
        offer::Inside,
        wakes::{Wakes, wake},
    },
    signal::{
        id::SignalId,
        label::{About, Stamp},
        values::Put,
    },
    sync::Locked,
};

/// A log that is all there is to do with the signals of a topic, as it was found out in one generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lane {
    pub(crate) generation: u64,
    pub(crate) log: LogId,
}

/// What asks for a lane: a signal that was not numbered yet.
///
/// It is lent, not handed over: to copy it would cost as much as to put it in.
#[derive(Debug)]
pub(crate) struct Asks<'a> {
    /// What the signal is about.
    pub(crate) about: &'a Arc<About>,
    /// The number of its topic.
    pub(crate) line: usize,
    pub(crate) inside: &'a Option<Inside>,
    /// Its id and its time are set when it is let in.
    pub(crate) stamp: &'a mut Stamp,
}

impl Exchange {
    /// Lets a value in through a lane, if that is free.
    pub(crate) fn pass_lane(
        &self,
        lane: Lane,
        asks: &mut Asks<'_>,
        value: &mut dyn Put,
    ) -> Option<(SignalId, usize)> {
        self.pass_locked(self.lock(), lane, asks, value, None)
    }

    /// As [`pass_lane`](Self::pass_lane), for a value that is published from outside, about which there is nothing rare.
    ///
    /// What it is about need not be looked up where the `publisher`, of whatever number, has put in the one before it.
    #[inline]
    pub(crate) fn pass_plain<'about>(
        &self,
        lane: Lane,
        publisher: NonZeroUsize,
        about: impl FnOnce() -> Option<(&'about Arc<About>, usize)>,
        value: &mut impl Put,
    ) -> bool {
        let tick = Tick::last();
        let mut state = self.lock();
        if state.follows(lane, publisher, tick, value) {
            return true;
        }
        match pass_alone(state, lane, (publisher, tick), value) {
            None => true,
            Some(state) => self.pass_first(state, lane, (publisher, about), value),
        }
    }

    #[inline(never)]
    fn pass_first<'about>(
        &self,
        mut state: Locked<'_, State>,
        lane: Lane,
        (publisher, about): (
            NonZeroUsize,
            impl FnOnce() -> Option<(&'about Arc<About>, usize)>,
        ),
        value: &mut dyn Put,
    ) -> bool {
        let Some((about, line)) = about() else {
            return false;
        };
        if state.changes_over(lane, publisher, about) {
            let tick = Tick::last();
            if state.follows(lane, publisher, tick, value) {
                return true;
            }
            match pass_alone(state, lane, (publisher, tick), value) {
                None => return true,
                Some(back) => state = back,
            }
        }
        let mut stamp = Stamp::PLAIN;
        let mut asks = Asks {
            about,
            line,
            inside: &None,
            stamp: &mut stamp,
        };
        self.pass_locked(state, lane, &mut asks, value, Some(publisher))
            .is_some()
    }

    fn pass_locked(
        &self,
        mut state: Locked<'_, State>,
        lane: Lane,
        asks: &mut Asks<'_>,
        value: &mut dyn Put,
        publisher: Option<NonZeroUsize>,
    ) -> Option<(SignalId, usize)> {
        if !state.is_free(lane, asks) {
            return None;
        }
        let id = state.number();
        asks.stamp.id = id;
        asks.stamp.time = state.logs[lane.log.index()].time();
        state.routed += 1;
        let (receivers, idle) = state.put_in(lane.log, value, asks.stamp, asks.about, None);
        state.lets_follow(lane.log, asks.line, publisher);
        wake_if(idle, state, lane.log);
        Some((id, receivers))
    }
}

/// Lets a value in that comes alone, and wakes whom that concerns; the lock comes back if it is not let in.
#[inline(never)]
fn pass_alone<'state>(
    mut state: Locked<'state, State>,
    lane: Lane,
    (publisher, tick): (NonZeroUsize, Tick),
    value: &mut dyn Put,
) -> Option<Locked<'state, State>> {
    let Some(waker) = state.comes_alone(lane, publisher, tick, value) else {
        return Some(state);
    };
    drop(state);
    waker.into_iter().for_each(wake);
    None
}

/// Releases the lock, and wakes the readers of a log that wait for something to be put in, if any do.
#[inline]
fn wake_if(idle: bool, mut state: Locked<'_, State>, log: LogId) {
    if idle {
        let mut wakes = Wakes::default();
        state.wake_idle(log, &mut wakes);
        drop(state);
        wakes.wake();
    }
}

#[cfg(feature = "transport")]
impl Exchange {
    /// As [`pass_lane`](Self::pass_lane), for a value that has come from elsewhere: its stamp says when it was published.
    pub(crate) fn pass_arrived(
        &self,
        lane: Lane,
        asks: &mut Asks<'_>,
        value: &mut dyn Put,
    ) -> Option<(SignalId, usize)> {
        let mut state = self.lock();
        if !state.is_free(lane, asks) {
            return None;
        }
        let id = state.number();
        asks.stamp.number(id);
        state.routed += 1;
        let (receivers, idle) = state.put_in(lane.log, value, asks.stamp, asks.about, None);
        wake_if(idle, state, lane.log);
        Some((id, receivers))
    }
}

impl State {
    /// The id of a signal that is let in now.
    pub(super) fn number(&mut self) -> SignalId {
        self.last_signal = self.last_signal.next();
        self.last_signal
    }

    fn is_free(&self, lane: Lane, asks: &Asks<'_>) -> bool {
        let Some(log) = self.logs.get(lane.log.index()) else {
            return false;
        };
        let before = self.before(asks.line, asks.inside.as_ref());
        self.is_open(asks.inside.as_ref())
            && lane.generation == self.generation
            && log.beside().is_empty()
            && !log.readers().is_empty()
            && !log.lacks_room(before)
    }

    /// How many publishers have the right of way before one who has not waited.
    ///
    /// He may go before them where there is room for all: they do not wait for that any more, but to be polled. Otherwise each
    /// publish would have to be woken for, as long as others publish.
    pub(super) fn before(&self, line: usize, inside: Option<&Inside>) -> usize {
        let handles = || inside.is_some_and(|inside| inside.handling().is_some());
        match self.lines.is_empty() || handles() {
            true => 0,
            false => self.lines.get(&LineId::Topic(line)).map_or(0, Line::len),
        }
    }
}
