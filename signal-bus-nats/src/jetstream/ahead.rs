//! What was fetched ahead of the bus: it waits here, and is known to be here.

use std::{
    collections::VecDeque,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_util::Stream;
use signal_bus::transport::{Deliveries, Delivery, Incoming, Message, TransportError};
use tokio::sync::Notify;

use crate::jetstream::{
    acknowledge::{Told, Word},
    going::Going,
};

/// Messages that the bus has not taken yet, of one subscription.
///
/// The bus takes them one by one, and each is either here or with the bus: nowhere in between it could be forgotten when the
/// server is told that it still waits.
#[derive(Default)]
pub(super) struct Ahead {
    state: Mutex<Waiting>,
    /// Tells whoever fetches that there is room.
    taken: Notify,
    /// Whether the bus still reads.
    going: Arc<Going>,
    /// With so many left there is room.
    low: usize,
}

#[derive(Default)]
struct Waiting {
    trouble: Option<TransportError>,
    /// How many nobody will get, and why.
    lost: Option<(u64, String)>,
    messages: VecDeque<(Message, u32, Arc<Word>)>,
    /// Nothing is handed out any more.
    closed: bool,
    /// The bus, if it waits for something to come.
    reader: Option<Waker>,
}

impl Ahead {
    pub(super) fn new(low: usize, going: Arc<Going>) -> Arc<Self> {
        Arc::new(Self {
            low,
            going,
            ..Self::default()
        })
    }

    pub(super) fn push(&self, message: Message, attempt: u32, word: Arc<Word>) {
        self.change(|state| state.messages.push_back((message, attempt, word)));
    }

    /// Says that something is wrong for the moment; of several troubles the last.
    pub(super) fn tell(&self, trouble: TransportError) {
        self.change(|state| state.trouble = Some(trouble));
    }

    /// Says that some will not come.
    pub(super) fn tell_lost(&self, count: u64, reason: String) {
        self.change(|state| {
            let before = state.lost.take().map_or(0, |(count, _)| count);
            state.lost = Some((before + count, reason));
        });
    }

    pub(super) fn len(&self) -> usize {
        self.lock().messages.len()
    }

    /// Waits until there is room.
    pub(super) async fn has_room(&self) {
        while self.low < self.len() {
            self.taken.notified().await;
        }
    }

    /// The words of what waits.
    pub(super) fn waiting(&self) -> Vec<Arc<Word>> {
        let state = self.lock();
        let words = state.messages.iter().map(|(_, _, word)| Arc::clone(word));
        words.collect()
    }

    /// Hands nothing out any more, and gives back what was not.
    pub(super) fn close(&self) -> Vec<Arc<Word>> {
        let messages = self.change(|state| {
            state.closed = true;
            mem::take(&mut state.messages)
        });
        messages.into_iter().map(|(_, _, word)| word).collect()
    }

    /// Changes something, and tells the bus.
    fn change<R>(&self, change: impl FnOnce(&mut Waiting) -> R) -> R {
        let mut state = self.lock();
        let changed = change(&mut state);
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        changed
    }

    /// What comes next; `None` at the end.
    fn poll_take(&self, context: &Context<'_>) -> Poll<Option<Incoming>> {
        let mut state = self.lock();
        if let Some(trouble) = state.trouble.take() {
            return Poll::Ready(Some(Incoming::Trouble(trouble)));
        }
        if let Some((count, reason)) = state.lost.take() {
            return Poll::Ready(Some(Incoming::Lost { count, reason }));
        }
        let Some((message, attempt, word)) = state.messages.pop_front() else {
            if state.closed {
                return Poll::Ready(None);
            }
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        if state.messages.len() == self.low {
            self.taken.notify_one();
        }
        let place = word.place;
        let delivery = Delivery::acknowledged_by(message, attempt, Told(word));
        Poll::Ready(Some(Incoming::Message(delivery.numbered(place))))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the bus reads.
pub(super) fn deliveries(ahead: Arc<Ahead>) -> Deliveries {
    Box::pin(Reading(ahead))
}

struct Reading(Arc<Ahead>);

impl Stream for Reading {
    type Item = Incoming;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        self.0.poll_take(context)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.going.leave();
    }
}
