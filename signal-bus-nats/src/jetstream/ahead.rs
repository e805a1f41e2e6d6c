//! What was fetched ahead of the bus: it waits here, and is known to be here.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::stream;
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
    /// Tells the bus of what has come.
    came: Notify,
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
        self.lock().messages.push_back((message, attempt, word));
        self.came.notify_one();
    }

    /// Says that something is wrong for the moment; of several troubles the last.
    pub(super) fn tell(&self, trouble: TransportError) {
        self.lock().trouble = Some(trouble);
        self.came.notify_one();
    }

    /// Says that some will not come.
    pub(super) fn tell_lost(&self, count: u64, reason: String) {
        let mut state = self.lock();
        let before = state.lost.take().map_or(0, |(count, _)| count);
        state.lost = Some((before + count, reason));
        drop(state);
        self.came.notify_one();
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
        let mut state = self.lock();
        state.closed = true;
        let messages = mem::take(&mut state.messages);
        drop(state);
        self.came.notify_one();
        messages.into_iter().map(|(_, _, word)| word).collect()
    }

    /// What comes next, `Some(None)` at the end.
    #[expect(clippy::option_option, reason = "nothing yet, or nothing any more")]
    fn take(&self) -> Option<Option<Incoming>> {
        let mut state = self.lock();
        if let Some(trouble) = state.trouble.take() {
            return Some(Some(Incoming::Trouble(trouble)));
        }
        if let Some((count, reason)) = state.lost.take() {
            return Some(Some(Incoming::Lost { count, reason }));
        }
        let Some((message, attempt, word)) = state.messages.pop_front() else {
            return state.closed.then_some(None);
        };
        if state.messages.len() == self.low {
            self.taken.notify_one();
        }
        let place = word.place;
        let delivery = Delivery::acknowledged_by(message, attempt, Told(word));
        Some(Some(Incoming::Message(delivery.numbered(place))))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the bus reads.
pub(super) fn deliveries(ahead: Arc<Ahead>) -> Deliveries {
    let reading = Reading(ahead);
    Box::pin(stream::unfold(reading, |reading| async {
        loop {
            match reading.0.take() {
                Some(next) => return next.map(|next| (next, reading)),
                None => reading.0.came.notified().await,
            }
        }
    }))
}

struct Reading(Arc<Ahead>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.going.leave();
    }
}
