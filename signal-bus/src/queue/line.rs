//! The lines in which publishers wait for room.

use std::{collections::VecDeque, mem::replace, sync::Arc, task::Waker};

use tokio::time::Instant;

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
        let came = offer.signal.label().stamp.came.as_ref();
        match handles || came.is_some_and(|came| came.is_foreign()) {
            true => Self::Handler(ticket.unwrap_or_default()),
            false => Self::Topic(offer.line),
        }
    }
}

/// The publishers that wait with signals of one topic.
#[derive(Debug)]
pub(crate) struct Line {
    /// Empty, if it is for broadcasts.
    pub(super) topic: Arc<str>,
    places: VecDeque<Place>,
    /// The queue that will tell the first in line when it has room.
    pub(crate) waits_for: Option<QueueId>,
}

/// One publisher of a line.
#[derive(Debug)]
struct Place {
    ticket: u64,
    waker: Waker,
    since: Instant,
}

impl Line {
    pub(super) fn new(topic: Arc<str>) -> Self {
        Self {
            topic,
            places: VecDeque::new(),
            waits_for: None,
        }
    }

    /// How many publishers wait.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Since when its first publisher waits.
    pub(super) fn since(&self) -> Option<Instant> {
        self.places.front().map(|first| first.since)
    }

    pub(crate) fn wake_all(&self, wakes: &mut Wakes) {
        let places = self.places.iter();
        places.for_each(|place| wakes.add(place.waker.clone()));
    }

    pub(crate) fn freed(&mut self, wakes: &mut Wakes) {
        self.waits_for = None;
        self.wake_first(wakes);
    }

    pub(crate) fn wake_first(&self, wakes: &mut Wakes) {
        if let Some(first) = self.places.front() {
            wakes.add(first.waker.clone());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn is_first(&self, ticket: u64) -> bool {
        let first = self.places.front();
        first.is_some_and(|first| first.ticket == ticket)
    }

    /// Joins the line, or leaves the waker of a new poll; returns the one of the last poll, if that is another one.
    pub(crate) fn wait(&mut self, ticket: u64, waker: &Waker) -> Option<Waker> {
        match self.find(ticket) {
            Ok(at) if self.places[at].waker.will_wake(waker) => None,
            Ok(at) => Some(replace(&mut self.places[at].waker, waker.clone())),
            Err(at) => {
                let place = Place {
                    ticket,
                    waker: waker.clone(),
                    since: Instant::now(),
                };
                self.places.insert(at, place);
                None
            }
        }
    }

    /// Leaves the line; returns the waker that was there.
    pub(crate) fn leave(&mut self, ticket: u64) -> Option<Waker> {
        let at = self.find(ticket).ok()?;
        Some(self.places.remove(at)?.waker)
    }

    fn find(&self, ticket: u64) -> Result<usize, usize> {
        self.places
            .binary_search_by_key(&ticket, |place| place.ticket)
    }
}
