//! The lines in which publishers wait for room.

use std::{collections::VecDeque, task::Waker};

use crate::queue::{
    offer::{Inside, Offer},
    stores::QueueId,
    wakes::Wakes,
};

/// Identifies a line.
///
/// Publishers of one topic stand in one line. A handler that publishes stands in a line of its own: a filter may
/// let it wait for another queue than the publisher before it, which may wait for this very handler. So does a bridge: it need
/// not wait for the way back, for which the publisher before it may wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum LineId {
    Topic(usize),
    Handler(u64),
}

impl LineId {
    pub(crate) fn of(offer: &Offer, ticket: Option<u64>) -> Self {
        let handles = offer.inside.and_then(Inside::handling).is_some();
        let bridged = offer.signal.label().passage.is_some();
        match handles || bridged {
            true => Self::Handler(ticket.unwrap_or_default()),
            false => Self::Topic(offer.line),
        }
    }
}

/// The publishers that wait with signals of one topic.
#[derive(Default, Debug)]
pub(crate) struct Line {
    tickets: VecDeque<(u64, Waker)>,
    /// The queue that will tell the first in line when it has room.
    pub(crate) waits_for: Option<QueueId>,
}

impl Line {
    pub(crate) fn wake_all(&self, wakes: &mut Wakes) {
        self.tickets
            .iter()
            .for_each(|(_, waker)| wakes.add(waker.clone()));
    }

    pub(crate) fn freed(&mut self, wakes: &mut Wakes) {
        self.waits_for = None;
        self.wake_first(wakes);
    }

    pub(crate) fn wake_first(&self, wakes: &mut Wakes) {
        if let Some((_, waker)) = self.tickets.front() {
            wakes.add(waker.clone());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    pub(crate) fn is_first(&self, ticket: u64) -> bool {
        self.tickets
            .front()
            .is_some_and(|(first, _)| *first == ticket)
    }

    /// Joins the line, or leaves the waker of a new poll.
    pub(crate) fn wait(&mut self, ticket: u64, waker: &Waker) {
        match self
            .tickets
            .binary_search_by_key(&ticket, |(ticket, _)| *ticket)
        {
            Ok(at) => self.tickets[at].1.clone_from(waker),
            Err(at) => self.tickets.insert(at, (ticket, waker.clone())),
        }
    }

    pub(crate) fn leave(&mut self, ticket: u64) {
        if let Ok(at) = self
            .tickets
            .binary_search_by_key(&ticket, |(ticket, _)| *ticket)
        {
            self.tickets.remove(at);
        }
    }
}
