//! What is published and has not gone to the client yet: signals that follow each other on one subject make a pack.
//!
//! Nobody waits for a pack to fill. A task hands over what there is as soon as it runs and the client has room, the oldest first; what is
//! published until then goes along.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{Client, PublishError, Subject, message::OutboundMessage};
use futures_util::{SinkExt as _, future::poll_fn};
use signal_bus::transport::Message;
use tokio::{
    sync::{Mutex as AsyncMutex, Notify, futures::Notified},
    task::{JoinHandle, yield_now},
    time,
};

use crate::{
    pack::{self, Sent, Writer},
    wire,
};

/// How large a pack is at most; one that the server takes.
const PACK_MAX: usize = 32 * 1024;
/// With so many bytes waiting for the client, whoever publishes waits, too.
const WAITING_MAX: usize = 256 * 1024;

/// Makes packs of what is published, and hands them to a client.
#[derive(Debug)]
pub(crate) struct Packer {
    queue: Arc<Queue>,
    /// Held while somebody waits for its end.
    handing: AsyncMutex<Option<JoinHandle<()>>>,
}

/// What became of a signal that was to be packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    /// It goes to the client as so-manieth.
    Taken(u64),
    /// The client takes no more for now.
    Full,
    /// Nothing is taken any more.
    Closed,
}

#[derive(Default, Debug)]
struct Queue {
    state: Mutex<State>,
    /// Tells the task that there is something.
    filled: Notify,
    /// Tells that something has gone to the client.
    left: Notify,
}

#[derive(Default, Debug)]
struct State {
    /// The oldest first; the last one may be open.
    packs: VecDeque<Pack>,
    /// Writes the signals of the last one, once they are more than one.
    writer: Writer,
    /// How large they are together.
    bytes: usize,
    /// Signals that were taken.
    taken: u64,
    /// Of them, those that were handed over.
    gone: u64,
    /// Of those, how many the client has refused in all.
    refused: u64,
    /// The last of them, by their numbers.
    refused_last: Range<u64>,
    closed: bool,
    /// Nothing is handed over any more.
    ended: bool,
}

/// Signals of one subject.
#[derive(Debug)]
struct Pack {
    subject: Subject,
    /// The first one, which goes as it is if it stays alone.
    first: Message,
    count: usize,
    /// How large they are at most.
    bytes: usize,
    /// What is written of them, if they are more than one, and others follow on another subject.
    written: Vec<u8>,
}

impl Pack {
    fn into_message(self, sent: &mut Sent) -> OutboundMessage {
        let before = sent.count(&self.subject, self.count);
        let (headers, payload) = match self.count {
            1 => (wire::headers(&self.first), self.first.payload),
            count => (pack::headers(count, before), self.written.into()),
        };
        OutboundMessage {
            subject: self.subject,
            reply: None,
            payload,
            headers: Some(headers),
        }
    }
}

impl State {
    /// Puts a signal into the last pack, if it is of the same subject and there is room.
    fn join(
        &mut self,
        subject: &Subject,
        message: &Message,
        bytes: usize,
        pack_max: usize,
    ) -> bool {
        let Some(last) = self.packs.back_mut() else {
            return false;
        };
        if last.subject != *subject {
            return false;
        }
        let has_room = match last.count {
            1 => last.bytes + bytes <= pack_max,
            _ => self.writer.has_room(bytes, pack_max),
        };
        if !has_room {
            return false;
        }
        if last.count == 1 {
            self.writer.write(&last.first);
        }
        self.writer.write(message);
        last.count += 1;
        last.bytes += bytes;
        true
    }

    /// Begins a pack.
    fn begin(&mut self, subject: &Subject, message: &Message, bytes: usize) {
        self.end();
        self.packs.push_back(Pack {
            subject: subject.clone(),
            first: message.clone(),
            count: 1,
            bytes,
            written: Vec::new(),
        });
    }

    /// Ends the last pack, which may be open.
    fn end(&mut self) {
        if let Some(last) = self.packs.back_mut().filter(|last| 1 < last.count) {
            last.written = self.writer.take();
        }
    }

    /// Notes that so many were handed over, and whether the client has taken them.
    fn hand_over(&mut self, count: u64, taken: bool) {
        let first = self.gone + 1;
        self.gone += count;
        if !taken {
            self.refused += count;
            self.refused_last = first..self.gone + 1;
        }
    }

    /// The oldest pack; nothing more goes along.
    fn take(&mut self) -> Option<Pack> {
        if self.packs.len() == 1 {
            self.end();
        }
        let pack = self.packs.pop_front()?;
        self.bytes -= pack.bytes;
        Some(pack)
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something; `false` if nothing comes any more.
    async fn is_filled(&self) -> bool {
        loop {
            let filled = self.filled.notified();
            {
                let state = self.lock();
                if !state.packs.is_empty() {
                    return true;
                }
                if state.closed {
                    return false;
                }
            }
            filled.await;
        }
    }

    /// Hands over what there is, until nothing comes any more.
    async fn hand_over(&self, mut client: Client) {
        let mut sent_before = Sent::default();
        while self.is_filled().await {
            // Only once the client has room a pack is closed.
            let ready = poll_fn(|context| client.poll_ready_unpin(context)).await;
            let (pack, is_last) = {
                let mut state = self.lock();
                let Some(pack) = state.take() else { continue };
                (pack, state.packs.is_empty())
            };
            let (count, subject) = (pack.count, pack.subject.clone());
            let message = pack.into_message(&mut sent_before);
            let sent = ready.and_then(|()| client.start_send_unpin(message));
            if let Err(error) = &sent {
                lost(count, &subject, error);
            }
            self.lock().hand_over(count as u64, sent.is_ok());
            self.left.notify_waiters();
            if is_last {
                // What the client has now leaves meanwhile, and others publish.
                yield_now().await;
            }
        }
    }
}

fn lost(count: usize, subject: &str, error: &PublishError) {
    tracing::warn!(
        count,
        subject,
        "signals that were published are lost: {error}"
    );
}

impl Packer {
    /// Packs for a client.
    pub(crate) fn new(client: Client) -> Self {
        let queue = Arc::<Queue>::default();
        let handing = Arc::clone(&queue);
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with its packer, once everything has gone to the client"
        )]
        let handing = tokio::spawn(async move { handing.hand_over(client).await });
        Self {
            queue,
            handing: AsyncMutex::new(Some(handing)),
        }
    }

    /// Takes a signal of a [reach](pack::reach), for a server that takes messages of so many bytes.
    pub(crate) fn put(
        &self,
        subject: &Subject,
        message: &Message,
        bytes: usize,
        payload_max: usize,
    ) -> Put {
        let pack_max = PACK_MAX.min(payload_max.saturating_sub(pack::FRAME));
        let mut state = self.queue.lock();
        if state.closed {
            return Put::Closed;
        }
        if WAITING_MAX <= state.bytes {
            return Put::Full;
        }
        let is_first = state.packs.is_empty();
        if !state.join(subject, message, bytes, pack_max) {
            state.begin(subject, message, bytes);
        }
        state.bytes += bytes;
        state.taken += 1;
        let number = state.taken;
        drop(state);
        if is_first {
            self.queue.filled.notify_one();
        }
        Put::Taken(number)
    }

    /// Tells when something has gone to the client from now on.
    pub(crate) fn left(&self) -> Notified<'_> {
        self.queue.left.notified()
    }

    /// Waits until the client has the so-manieth signal; `false` if it will not get it.
    pub(crate) async fn has_left(&self, number: u64) -> bool {
        loop {
            let left = self.left();
            {
                let state = self.queue.lock();
                if number <= state.gone {
                    return !state.refused_last.contains(&number);
                }
                if state.ended {
                    return false;
                }
            }
            left.await;
        }
    }

    /// Takes nothing any more, and waits until the client has everything, but not for longer; how many signals it has not taken, those
    /// included that it has refused before.
    pub(crate) async fn close(&self, within: Duration) -> u64 {
        self.end();
        let mut handing = self.handing.lock().await;
        if let Some(task) = handing.as_mut() {
            if time::timeout(within, &mut *task).await.is_err() {
                task.abort();
                drop(task.await);
            }
            *handing = None;
        }
        let not_taken = {
            let mut state = self.queue.lock();
            state.ended = true;
            state.taken - state.gone + state.refused
        };
        self.queue.left.notify_waiters();
        not_taken
    }

    fn end(&self) {
        self.queue.lock().closed = true;
        self.queue.filled.notify_one();
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        self.end();
    }
}
