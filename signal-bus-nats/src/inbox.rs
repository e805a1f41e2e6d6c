//! Messages of one subscription that were read at once, and wait for the bus.

use std::{
    collections::VecDeque,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_util::Stream;
use signal_bus::transport::{Delivery, Incoming, Message};
use tokio::sync::Notify;

/// Messages that wait at most, those included that the bus has just taken; what comes then is dropped, and counted.
const COUNT_MAX: usize = 65_536;
/// How large they are together at most, with their headers.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where messages wait. They come and go by many, so that neither side waits for the other at each of them.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Tells that the bus reads no more.
    left: Notify,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    /// How many wait, and how large they are, with those that the bus has taken.
    held: Size,
    /// Messages that found no room, and were not told of.
    lost: u64,
    /// Whoever reads, if it waits.
    waker: Option<Waker>,
    /// The bus reads no more.
    left: bool,
    /// Nothing comes any more.
    ended: bool,
}

#[derive(Clone, Copy, Default)]
struct Size {
    count: usize,
    bytes: usize,
}

impl Inbox {
    /// What the bus reads.
    pub(crate) fn open() -> (Arc<Self>, Reading) {
        let inbox = Arc::<Self>::default();
        let reading = Reading {
            inbox: Arc::clone(&inbox),
            messages: VecDeque::new(),
            taken: Size::default(),
        };
        (inbox, reading)
    }

    /// Keeps messages with what they take, and notes how many were lost before; `false` if the bus reads no more.
    pub(crate) fn put(&self, messages: &mut Vec<(Message, usize)>, lost: u64) -> bool {
        let mut state = self.lock();
        state.lost += lost;
        for (message, bytes) in messages.drain(..) {
            if state.held.has_room(bytes) {
                state.held.count += 1;
                state.held.bytes += bytes;
                state.messages.push_back(message);
            } else {
                state.lost += 1;
            }
        }
        let (left, waker) = (state.left, state.waker.take());
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        !left
    }

    /// Says that nothing comes any more.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Waits until the bus reads no more.
    pub(crate) async fn is_left(&self) {
        self.left.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Size {
    fn has_room(self, bytes: usize) -> bool {
        self.count < COUNT_MAX && self.bytes + bytes <= BYTES_MAX
    }
}

/// What the bus reads: what has come first, and what is lost.
pub(crate) struct Reading {
    inbox: Arc<Inbox>,
    messages: VecDeque<Message>,
    /// What of the inbox is, or was, here.
    taken: Size,
}

impl Reading {
    /// Takes all that waits.
    fn take(&mut self, waker: &Waker) -> Poll<Option<Incoming>> {
        let mut state = self.inbox.lock();
        state.held.count -= self.taken.count;
        state.held.bytes -= self.taken.bytes;
        self.taken = state.held;
        mem::swap(&mut state.messages, &mut self.messages);
        match mem::take(&mut state.lost) {
            0 => {}
            count => {
                let reason = "its subscribers are too slow".to_owned();
                return Poll::Ready(Some(Incoming::Lost { count, reason }));
            }
        }
        match self.messages.pop_front() {
            Some(message) => Poll::Ready(Some(Incoming::Message(Delivery::once(message)))),
            None if state.ended => Poll::Ready(None),
            None => {
                state.waker = Some(waker.clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for Reading {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        match self.messages.pop_front() {
            Some(message) => Poll::Ready(Some(Incoming::Message(Delivery::once(message)))),
            None => self.take(context.waker()),
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.inbox.lock().left = true;
        self.inbox.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};
    use signal_bus::{
        Headers,
        transport::{Incoming, Message},
    };

    use super::{BYTES_MAX, COUNT_MAX, Inbox, Reading};

    fn message(topic: usize) -> Message {
        Message::new(topic.to_string(), "", Headers::new())
    }

    fn topics(reading: &mut Reading) -> Vec<String> {
        let mut topics = Vec::new();
        while let Some(Some(incoming)) = reading.next().now_or_never() {
            topics.push(match incoming {
                Incoming::Message(delivery) => delivery.message.topic.to_string(),
                Incoming::Lost { count, .. } => format!("{count} lost"),
                other => format!("{other:?}"),
            });
        }
        topics
    }

    #[test]
    fn messages_come_in_order_until_the_end() {
        let (inbox, mut reading) = Inbox::open();
        assert!(inbox.put(&mut vec![(message(0), 1), (message(1), 1)], 0));
        assert!(inbox.put(&mut vec![(message(2), 1)], 0));
        assert_eq!(topics(&mut reading), ["0", "1", "2"]);
        assert!(inbox.put(&mut vec![(message(3), 1)], 7));
        inbox.end();
        assert_eq!(topics(&mut reading), ["7 lost", "3"]);
        assert!(reading.next().now_or_never().unwrap().is_none());
        drop(reading);
        assert!(!inbox.put(&mut vec![(message(4), 1)], 0));
    }

    #[test]
    fn what_finds_no_room_is_counted_and_what_was_read_makes_room() {
        for (bytes, most) in [(1, COUNT_MAX), (BYTES_MAX / 2, 2)] {
            let (inbox, mut reading) = Inbox::open();
            let all = || (0..most + 3).map(|topic| (message(topic), bytes)).collect();
            inbox.put(&mut all(), 0);
            let read = topics(&mut reading);
            assert_eq!((read.len(), &*read[0]), (most + 1, "3 lost"));
            inbox.put(&mut all(), 0);
            assert_eq!(topics(&mut reading).len(), most + 1);
        }
    }
}
