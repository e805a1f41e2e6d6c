//! Requests and replies: over NATS itself, whatever the delivery of the topics is.
//!
//! They have subjects of their own, which no stream holds: a stream would answer a request by itself, with a word that it is stored.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{StatusCode, Subscriber};
use futures_util::StreamExt as _;
use signal_bus::{
    ConnectionState,
    transport::{Message, Requests as Incoming, TransportError, TransportFault, header},
};
use tokio::{
    sync::{OnceCell, oneshot},
    task::AbortHandle,
    time::Instant,
};

use crate::{
    client::Connected,
    desk::{Desk, Leaving, SERVICE_ERROR},
    fault::{closed, failed},
    subject::Subjects,
    wire,
};

/// The queue group of all who reply: of those that serve a subject, by whatever pattern, one gets each request.
const RESPONDERS: &str = "responders";

/// How long others are asked while whoever gets a request has just left.
const LEFT_WITHIN: Duration = Duration::from_secs(1);

/// The requests of a connection.
#[derive(Debug)]
pub(crate) struct Requests {
    connected: Connected,
    subjects: Subjects,
    /// How long the server may take to answer for a subscription.
    within: Duration,
    /// Where replies come in; made with the first request.
    inbox: OnceCell<Inbox>,
    leaving: Arc<Leaving>,
    closed: AtomicBool,
}

/// Where the replies to all requests of a connection come in.
#[derive(Debug)]
struct Inbox {
    /// What the subjects of replies begin with.
    subject: String,
    waiting: Arc<Waiting>,
    reads: AbortHandle,
}

/// Those who wait for replies, by number.
#[derive(Default, Debug)]
struct Waiting(Mutex<(u64, HashMap<u64, oneshot::Sender<async_nats::Message>>)>);

/// A wait for a reply, which leaves nothing behind.
struct Wait<'a> {
    waiting: &'a Waiting,
    number: u64,
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.reads.abort();
    }
}

impl Waiting {
    fn begin(&self) -> (Wait<'_>, oneshot::Receiver<async_nats::Message>) {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        state.0 += 1;
        let number = state.0;
        state.1.insert(number, sender);
        let wait = Wait {
            waiting: self,
            number,
        };
        (wait, receiver)
    }

    fn hear(&self, reply: async_nats::Message) {
        let number = reply.subject.rsplit('.').next();
        let number = number.and_then(|number| number.parse().ok());
        let sender = number.and_then(|number: u64| self.lock().1.remove(&number));
        if let Some(sender) = sender {
            // Whoever has given up does not want to know.
            drop(sender.send(reply));
        }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, HashMap<u64, oneshot::Sender<async_nats::Message>>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waiting.lock().1.remove(&self.number);
    }
}

impl Requests {
    pub(crate) fn new(connected: Connected, subjects: Subjects, within: Duration) -> Self {
        Self {
            connected,
            subjects,
            within,
            inbox: OnceCell::new(),
            leaving: Arc::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Takes and sends nothing more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Waits until those were told who have asked somebody who has left.
    pub(crate) async fn left(&self) {
        self.leaving.over().await;
    }

    /// Asks, and waits for the reply; whoever got the request and has just left has not taken it.
    pub(crate) async fn ask(&self, message: &Message) -> Result<Message, TransportError> {
        let deadline = Instant::now() + LEFT_WITHIN;
        loop {
            let reply = self.ask_one(message).await?;
            if reply.headers.get(header::GONE).is_none() {
                return Ok(reply);
            }
            if deadline <= Instant::now() {
                return Err(nobody(&self.subjects.of(&message.topic)?));
            }
        }
    }

    async fn ask_one(&self, message: &Message) -> Result<Message, TransportError> {
        self.check_open()?;
        self.check_connected(&message.topic)?;
        let subject = self.subjects.of(&message.topic)?;
        let headers = wire::headers(message);
        let size = wire::size(&headers, &message.payload);
        let client = &self.connected.client;
        wire::check_size(size, client.max_payload(), &message.topic)?;
        let inbox = self.inbox.get_or_try_init(|| self.open()).await?;
        let events = &self.connected.events;
        let since = events.violations_count();
        let (wait, replied) = inbox.waiting.begin();
        let back = format!("{}.{}", inbox.subject, wait.number);
        let payload = message.payload.clone();
        let sent = client.publish_with_reply_and_headers(subject.clone(), back, headers, payload);
        sent.await.map_err(|error| {
            let what = format!("cannot ask on `{}`", message.topic);
            failed(TransportFault::Unreachable, what, &error)
        })?;
        let reply = tokio::select! {
            biased;
            reply = replied => reply,
            error = events.violated("Publish", &subject, since) => return Err(error),
        };
        drop(wait);
        let reply = reply.map_err(|_| closed())?;
        self.read(message, &subject, &reply)
    }

    /// What a reply says.
    fn read(
        &self,
        asked: &Message,
        subject: &str,
        reply: &async_nats::Message,
    ) -> Result<Message, TransportError> {
        if reply.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(nobody(subject));
        }
        if let Some(stream) = stored(reply) {
            let reason = format!(
                "the stream `{stream}` holds `{subject}`, and so it answers requests by itself: give them subjects that no stream \
                 holds, by `Nats::requests_below`"
            );
            return Err(TransportError::new(TransportFault::Refused, reason));
        }
        let mut read = wire::read(Arc::clone(&asked.topic), reply);
        let failed = read.headers.get(SERVICE_ERROR).map(str::to_owned);
        if let Some(failed) = failed.filter(|_| read.headers.get(header::ERROR).is_none()) {
            read.headers = read.headers.with(header::ERROR, failed);
        }
        Ok(read)
    }

    /// Begins to hear replies.
    async fn open(&self) -> Result<Inbox, TransportError> {
        let subject = self.connected.client.new_inbox();
        let mut replies = self.subscribe(format!("{subject}.*"), None).await?;
        let waiting = Arc::<Waiting>::default();
        let heard = Arc::clone(&waiting);
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with its inbox, which ends with its connection"
        )]
        let reads = tokio::spawn(async move {
            while let Some(reply) = replies.next().await {
                heard.hear(reply);
            }
            // There are no replies any more.
            heard.lock().1.clear();
        });
        Ok(Inbox {
            subject,
            waiting,
            reads: reads.abort_handle(),
        })
    }

    /// Takes the requests of a pattern.
    pub(crate) async fn serve(&self, pattern: &str) -> Result<Incoming, TransportError> {
        self.check_open()?;
        let subject = self.subjects.of(pattern)?;
        let requests = self.subscribe(subject, Some(RESPONDERS)).await?;
        let (subjects, connected) = (self.subjects.clone(), self.connected.clone());
        let desk = Desk::new(requests, subjects, connected, Arc::clone(&self.leaving));
        Ok(Box::pin(desk))
    }

    async fn subscribe(
        &self,
        subject: String,
        queue: Option<&str>,
    ) -> Result<Subscriber, TransportError> {
        let (client, events) = (&self.connected.client, &self.connected.events);
        let since = events.violations_count();
        let subscriber = match queue {
            None => client.subscribe(subject.clone()).await,
            Some(queue) => {
                let queue = queue.to_owned();
                client.queue_subscribe(subject.clone(), queue).await
            }
        };
        let subscriber = subscriber.map_err(|error| {
            let what = format!("cannot subscribe to `{subject}`");
            failed(TransportFault::Refused, what, &error)
        })?;
        self.connected.flush(self.within).await?;
        match events.violation_soon("Subscription", &subject, since).await {
            Some(error) => Err(error),
            None => Ok(subscriber),
        }
    }

    fn check_open(&self) -> Result<(), TransportError> {
        match self.closed.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(closed()),
        }
    }

    /// While the server is away the client would keep the request, and send it some day.
    fn check_connected(&self, topic: &str) -> Result<(), TransportError> {
        let (fault, reason) = match self.connected.state() {
            ConnectionState::Down { reason } => (TransportFault::Unreachable, reason),
            ConnectionState::Failed { reason } => (self.connected.events.fault(), reason),
            _ => return Ok(()),
        };
        let reason = format!("cannot ask on `{topic}`: {reason}");
        Err(TransportError::new(fault, reason))
    }
}

fn nobody(subject: &str) -> TransportError {
    let reason = format!("nobody replies on `{subject}`");
    TransportError::new(TransportFault::NoResponders, reason)
}

/// The stream that says that it has stored a request, if it is that.
fn stored(reply: &async_nats::Message) -> Option<String> {
    if reply.headers.is_some() || !reply.payload.starts_with(b"{\"stream\":") {
        return None;
    }
    let text = std::str::from_utf8(&reply.payload).ok()?;
    let (_, rest) = text.split_once("{\"stream\":\"")?;
    let (stream, rest) = rest.split_once('"')?;
    rest.contains("\"seq\":").then(|| stream.to_owned())
}
