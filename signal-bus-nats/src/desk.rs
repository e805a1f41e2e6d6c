//! Where requests come in, until whoever takes them leaves.

use std::{
    fmt, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use async_nats::{Client, Subject, Subscriber};
use futures_util::{Stream, StreamExt as _};
use signal_bus::{
    Headers,
    transport::{Message, Reply, Request, TransportFault, TransportFuture, header},
};
use tokio::{
    runtime::Handle,
    sync::watch,
    task::JoinSet,
    time::{self, Instant},
};

use crate::{client::Connected, fault::failed, subject::Subjects, wire};

/// How NATS's own services say that a request has failed.
pub(crate) const SERVICE_ERROR: &str = "Nats-Service-Error";
const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";
/// Requests that are on their way to somebody who leaves at most.
const LAST_ONES_MAX: u64 = 32;
/// How long is waited for so many.
const LAST_ONES_WITHIN: Duration = Duration::from_secs(2);
/// Without a request for so long, none is on its way.
const NOBODY_ASKS: Duration = Duration::from_millis(250);
/// The same where the connection ends.
const NOBODY_ASKS_AT_THE_END: Duration = Duration::from_millis(10);
/// How long it takes to leave at most.
const LEAVES_WITHIN: Duration = Duration::from_secs(3);

/// Requests of one pattern, as they come in.
pub(crate) struct Desk {
    subscriber: Option<Subscriber>,
    subjects: Subjects,
    connected: Connected,
    leaving: Arc<Leaving>,
    /// How many have come.
    read: u64,
    /// How often the client had connected when it was opened.
    connects: u64,
}

/// Those who have left, and still say so.
#[derive(Default, Debug)]
pub(crate) struct Leaving {
    all: Mutex<JoinSet<()>>,
    /// Tells them to come to an end.
    ends: watch::Sender<bool>,
}

impl Leaving {
    /// Waits until all have been told who have asked somebody who has left.
    pub(crate) async fn over(&self) {
        self.ends.send_replace(true);
        let mut all = mem::take(&mut *self.lock());
        while all.join_next().await.is_some() {}
    }

    /// Waits until it is quiet, if nobody asks meanwhile.
    async fn is_quiet(&self) {
        let mut ends = self.ends.subscribe();
        let end = async {
            drop(ends.wait_for(|ends| *ends).await);
            time::sleep(NOBODY_ASKS_AT_THE_END).await;
        };
        tokio::select! {
            () = end => {}
            () = time::sleep(NOBODY_ASKS) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    pub(crate) fn new(
        subscriber: Subscriber,
        subjects: Subjects,
        connected: Connected,
        leaving: Arc<Leaving>,
    ) -> Self {
        Self {
            subscriber: Some(subscriber),
            subjects,
            connects: connects(&connected.client),
            connected,
            leaving,
            read: 0,
        }
    }
}

/// How often a client has connected.
fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}

impl Stream for Desk {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Request>> {
        loop {
            let Some(subscriber) = &mut self.subscriber else {
                return Poll::Ready(None);
            };
            let Some(carried) = ready!(subscriber.poll_next_unpin(context)) else {
                return Poll::Ready(None);
            };
            self.read += 1;
            if let Some(request) = request(&self.subjects, &self.connected.client, &carried) {
                return Poll::Ready(Some(request));
            }
        }
    }
}

impl Drop for Desk {
    /// The server hears it a moment later: what it sends until then is told at once that nobody takes it.
    fn drop(&mut self) {
        let (Some(subscriber), Ok(runtime)) = (self.subscriber.take(), Handle::try_current())
        else {
            return;
        };
        let last = Last {
            subscriber,
            subjects: self.subjects.clone(),
            connected: self.connected.clone(),
            leaving: Arc::clone(&self.leaving),
        };
        // With a new connection the server has begun to count anew.
        let read = Some(self.read).filter(|_| self.connects == connects(&self.connected.client));
        let last = async move { drop(time::timeout(LEAVES_WITHIN, last.come(read)).await) };
        let mut all = self.leaving.lock();
        while all.try_join_next().is_some() {}
        all.spawn_on(last, &runtime);
    }
}

/// Tells those whose requests come still that nobody takes them.
///
/// The client forgets a subscription as soon as it has told the server so, and drops what is still on its way: those who have asked
/// would wait for nothing. So both are told to count, to more than can be on its way. Where many ask, that is soon reached; where
/// nobody does for a while, nothing is on its way.
struct Last {
    subscriber: Subscriber,
    subjects: Subjects,
    connected: Connected,
    leaving: Arc<Leaving>,
}

impl Last {
    async fn come(mut self, read: Option<u64>) {
        if let Some(read) = read {
            let counted = self.subscriber.unsubscribe_after(read + LAST_ONES_MAX);
            if counted.await.is_err() {
                return;
            }
            let deadline = Instant::now() + LAST_ONES_WITHIN;
            while Instant::now() < deadline {
                let (connected, leaving) = (self.connected.clone(), Arc::clone(&self.leaving));
                let quiet = async {
                    leaving.is_quiet().await;
                    // A server that is slow may not have come to what was asked.
                    drop(connected.flush(LAST_ONES_WITHIN).await);
                };
                tokio::select! {
                    biased;
                    next = self.subscriber.next() => match next {
                        Some(carried) => self.refuse(carried).await,
                        None => return,
                    },
                    () = quiet => break,
                }
            }
        }
        if self.subscriber.drain().await.is_ok() {
            while let Some(carried) = self.subscriber.next().await {
                self.refuse(carried).await;
            }
        }
    }

    /// A bus that asks asks somebody else; to pass a request on would leave nobody to say that nobody else is there.
    async fn refuse(&self, carried: async_nats::Message) {
        let Some(request) = request(&self.subjects, &self.connected.client, &carried) else {
            return;
        };
        let topic = request.message.topic;
        let reason = format!("nobody replies on `{topic}` here any more");
        let headers = Headers::new().with(header::ERROR, reason);
        let reply = Message::new(topic, "", headers.with(header::GONE, "1"));
        tell(request.reply.send(&reply).await);
    }
}

fn tell<E: fmt::Display>(sent: Result<(), E>) {
    if let Err(error) = sent {
        tracing::debug!("whoever has asked somebody who leaves was not told: {error}");
    }
}

/// A request that has come in; `None` if nobody waits for a reply.
fn request(subjects: &Subjects, client: &Client, carried: &async_nats::Message) -> Option<Request> {
    let to = carried.reply.clone()?;
    let message = wire::message(subjects, carried)?;
    let client = client.clone();
    Some(Request::new(message, Back { client, to }))
}

/// The way back to whoever asks.
#[derive(Debug)]
struct Back {
    client: Client,
    to: Subject,
}

impl Reply for Back {
    fn send<'a>(&'a self, reply: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(async {
            let mut headers = wire::headers(reply);
            if let Some(reason) = reply.headers.get(header::ERROR) {
                headers.insert(SERVICE_ERROR, reason);
                headers.insert(SERVICE_ERROR_CODE, "500");
            }
            let size = wire::size(&headers, &reply.payload);
            wire::check_size(size, self.client.max_payload(), &reply.topic)?;
            let (to, payload) = (self.to.clone(), reply.payload.clone());
            let sent = self.client.publish_with_headers(to, headers, payload).await;
            sent.map_err(|error| {
                let what = format!("cannot reply on `{}`", reply.topic);
                failed(TransportFault::Unreachable, what, &error)
            })
        })
    }
}
