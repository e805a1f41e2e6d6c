//! Messages of one subscription on their way from the client to the bus, without anything between as long as the bus keeps up.
//!
//! What the bus does not read the client would keep, up to a number, and then drop without counting it for sure. So somebody looks after
//! a bus that has begun to read, and reads in its place while it does not come: up to a number and a size, and what is too much is counted.

use std::{
    collections::VecDeque,
    future::poll_fn,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};
use signal_bus::transport::{Delivery, Incoming, Message};
use tokio::{sync::Notify, time};

/// Messages that wait at most, those included that the bus has just taken; what comes then is dropped, and counted.
const COUNT_MAX: usize = 65_536;
/// How large they are together at most, with their headers.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Messages that the bus takes from the client at once.
const READ_AT_ONCE: usize = 64;
/// Messages that are read in the bus's place until others have their turn.
const FILLED_AT_ONCE: usize = 1024;
/// How long a bus may make nothing of what it has taken until somebody reads in its place: so long the client has room.
const PATIENCE: Duration = Duration::from_millis(5);

/// Where messages come from, with their sizes.
pub(crate) trait Source: Stream<Item = (Message, usize)> + Send + Unpin + 'static {
    /// How many were dropped before they came here, since this was asked for last.
    fn take_dropped(&mut self) -> u64;

    /// How many were sent before what came last and have not come, since this was asked for last.
    fn take_missing(&mut self) -> u64;
}

/// Where messages wait while the bus does not read them.
struct Inbox<S> {
    state: Mutex<State<S>>,
    /// Tells that the bus has begun to read, or reads no more.
    told: Notify,
}

struct State<S> {
    /// `None` once the bus reads no more.
    source: Option<S>,
    messages: VecDeque<Message>,
    /// How many wait, and how large they are, with those that the bus has taken.
    held: Size,
    /// Messages that found no room, and were not told of.
    lost: u64,
    /// Messages that were sent and have not come, and were not told of.
    missing: u64,
    /// How often the bus has come for more.
    turns: u64,
    /// The bus waits for what comes next, and reads it then.
    waits: bool,
    /// Somebody looks after the bus.
    watched: bool,
    /// Whoever reads in the bus's place, until it comes.
    stands_in: Option<Waker>,
    /// Nothing comes any more.
    ended: bool,
}

#[derive(Clone, Copy, Default)]
struct Size {
    count: usize,
    bytes: usize,
}

/// What the bus reads of a source.
pub(crate) fn open<S: Source>(source: S) -> Reading<S> {
    let state = State {
        source: Some(source),
        messages: VecDeque::new(),
        held: Size::default(),
        lost: 0,
        missing: 0,
        turns: 0,
        waits: false,
        watched: true,
        stands_in: None,
        ended: false,
    };
    let inbox = Arc::new(Inbox {
        state: Mutex::new(state),
        told: Notify::new(),
    });
    #[expect(clippy::disallowed_methods, reason = "it ends with its reader")]
    tokio::spawn(look_after(Arc::clone(&inbox)));
    Reading {
        inbox,
        messages: VecDeque::new(),
        taken: Size::default(),
    }
}

/// How the bus is.
enum Found {
    /// It waits for what comes next, or nothing comes any more.
    Idle,
    /// It has come since, and now so often.
    Busy(u64),
    /// It has not come since: somebody else has to read.
    Stuck,
    /// It reads no more.
    Left,
}

/// Reads in the bus's place whenever it does not come, until it reads no more.
async fn look_after<S: Source>(inbox: Arc<Inbox<S>>) {
    let mut seen = 0;
    loop {
        match inbox.look(seen) {
            Found::Left => return,
            Found::Idle => inbox.told.notified().await,
            Found::Stuck => poll_fn(|context| inbox.lock().fill(context)).await,
            Found::Busy(turns) => {
                seen = turns;
                // Mostly nothing is told: it comes again by itself.
                drop(time::timeout(PATIENCE, inbox.told.notified()).await);
            }
        }
    }
}

impl<S: Source> Inbox<S> {
    /// How the bus is that had come so often when it was looked at last.
    fn look(&self, seen: u64) -> Found {
        let mut state = self.lock();
        state.watched = !state.waits;
        match &state.source {
            None => Found::Left,
            Some(_) if state.waits || state.ended => Found::Idle,
            Some(_) if state.turns != seen => Found::Busy(state.turns),
            Some(_) => {
                // From now on until it comes, which may be before the first message.
                state.stands_in = Some(Waker::noop().clone());
                Found::Stuck
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Source> State<S> {
    /// Keeps what comes, as far as there is room, until the bus reads by itself again.
    fn fill(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (Some(source), Some(waker)) = (&mut self.source, &mut self.stands_in) else {
            return Poll::Ready(());
        };
        waker.clone_from(context.waker());
        for _ in 0..FILLED_AT_ONCE {
            match source.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    self.ended = true;
                    return Poll::Ready(());
                }
                Poll::Ready(Some((message, bytes))) if self.held.has_room(bytes) => {
                    self.held.add(bytes);
                    self.messages.push_back(message);
                }
                Poll::Ready(Some(_)) => self.lost += 1,
            }
        }
        // Others of its thread, and the bus, which may come for these.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Hands over what waits; or if nothing does, what comes at once.
    fn hand_over(&mut self, to: &mut VecDeque<Message>, context: &mut Context<'_>) {
        mem::swap(&mut self.messages, to);
        self.turns += 1;
        self.waits = to.is_empty();
        let Some(source) = &mut self.source else {
            return;
        };
        self.lost += source.take_dropped();
        self.missing += source.take_missing();
        if !self.waits {
            return;
        }
        // From now on it is the bus that is told of what comes.
        self.stands_in.take().into_iter().for_each(Waker::wake);
        while to.len() < READ_AT_ONCE && !self.ended {
            match source.poll_next_unpin(context) {
                Poll::Ready(Some((message, bytes))) => {
                    self.held.add(bytes);
                    to.push_back(message);
                    self.waits = false;
                }
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => break,
            }
        }
        self.missing += source.take_missing();
    }
}

impl Size {
    fn has_room(self, bytes: usize) -> bool {
        self.count < COUNT_MAX && self.bytes + bytes <= BYTES_MAX
    }

    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// What the bus reads: what has come first, and what is lost.
pub(crate) struct Reading<S: Source> {
    inbox: Arc<Inbox<S>>,
    messages: VecDeque<Message>,
    /// What of the inbox is, or was, here.
    taken: Size,
}

impl<S: Source> Reading<S> {
    /// Comes for all that waits.
    fn come(&mut self, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let mut state = self.inbox.lock();
        state.held.count -= self.taken.count;
        state.held.bytes -= self.taken.bytes;
        state.hand_over(&mut self.messages, context);
        self.taken = state.held;
        let slow = (mem::take(&mut state.lost), "its subscribers are too slow");
        let (count, reason) = match slow {
            (0, _) => (mem::take(&mut state.missing), "they have not come"),
            slow => slow,
        };
        let ended = state.ended;
        let begins = !state.waits && !mem::replace(&mut state.watched, true);
        drop(state);
        if begins {
            self.inbox.told.notify_one();
        }
        if 0 < count {
            let reason = reason.to_owned();
            return Poll::Ready(Some(Incoming::Lost { count, reason }));
        }
        match self.messages.pop_front() {
            Some(message) => Poll::Ready(Some(Incoming::Message(Delivery::once(message)))),
            None if ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl<S: Source> Stream for Reading<S> {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        match self.messages.pop_front() {
            Some(message) => Poll::Ready(Some(Incoming::Message(Delivery::once(message)))),
            None => self.come(context),
        }
    }
}

impl<S: Source> Drop for Reading<S> {
    fn drop(&mut self) {
        let mut state = self.inbox.lock();
        let (source, stands_in) = (state.source.take(), state.stands_in.take());
        drop(state);
        drop(source);
        stands_in.into_iter().for_each(Waker::wake);
        self.inbox.told.notify_one();
    }
}

#[cfg(test)]
mod tests;
