//! NATS without `JetStream`: once at most.

use std::{
    cell::RefCell,
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_nats::{Client, HeaderMap, PublishError, Subject};
use bytes::Bytes;
use signal_bus::{
    ConnectionState,
    transport::{
        Connection, Deliveries, Encoding, Features, Interest, Message, Requests as Asked,
        TransportError, TransportFault, TransportFuture,
    },
};
use tokio::time;

use crate::{
    client::Connected,
    fault::{closed, failed},
    hears::Hears,
    inbox,
    requests::Requests,
    subject::Subjects,
    wire,
};

/// Subjects that are known to be permitted.
const KNOWN_MAX: usize = 4096;

/// A connection that delivers once at most.
#[derive(Debug)]
pub(crate) struct Core {
    /// Its number in the program.
    number: u64,
    /// For everything but groups. What is sent on it does not come back.
    pub(crate) own: Connected,
    /// For groups, whose members may be in the process that publishes.
    groups: Connected,
    subjects: Subjects,
    requests: Requests,
    encoding: Encoding,
    known: Mutex<Known>,
    /// How long a publish may take.
    pub(crate) publish_within: Duration,
    closed: AtomicBool,
}

/// The subjects of topics that may be published on, as far as is known.
#[derive(Default, Debug)]
struct Known {
    subjects: HashMap<Arc<str>, Subject>,
    /// How often something was not permitted until then: what was permitted before may not be any more.
    violations_count: u64,
}

/// How many connections there were.
static NUMBERED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The subject that a thread has asked for last: mostly it is the same again, and others need not wait for it.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

struct Last {
    /// The connection, and how often something was not permitted on it until then.
    known: (u64, u64),
    topic: Arc<str>,
    subject: Subject,
}

impl Core {
    pub(crate) fn new(
        own: Connected,
        groups: Connected,
        subjects: Subjects,
        requests: Requests,
        encoding: Encoding,
        publish_within: Duration,
    ) -> Self {
        Self {
            number: NUMBERED.fetch_add(1, Ordering::Relaxed),
            own,
            groups,
            subjects,
            requests,
            encoding,
            known: Mutex::default(),
            publish_within,
            closed: AtomicBool::new(false),
        }
    }

    /// The subject of a message, and whether it may be published on, as far as that is known.
    pub(crate) fn subject(
        &self,
        message: &Message,
        since: u64,
    ) -> Result<(Subject, bool), TransportError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        let (topic, known) = (&message.topic, (self.number, since));
        LAST.with_borrow_mut(|last| {
            let same = |last: &&Last| last.known == known && Arc::ptr_eq(&last.topic, topic);
            if let Some(last) = last.as_ref().filter(same) {
                return Ok((last.subject.clone(), true));
            }
            let Some(subject) = self.known(since).subjects.get(topic).cloned() else {
                return Ok((self.subjects.of(topic)?.into(), false));
            };
            *last = Some(Last {
                known,
                topic: Arc::clone(topic),
                subject: subject.clone(),
            });
            Ok((subject, true))
        })
    }

    /// What is to be sent of a message, and whether its subject may be published on, as far as that is known.
    fn prepare(&self, message: &Message, since: u64) -> Result<(Outgoing, bool), TransportError> {
        let (subject, permitted) = self.subject(message, since)?;
        let headers = wire::headers(message);
        self.check_up(message)?;
        let payload = message.payload.clone();
        Ok(((subject, headers, payload), permitted))
    }

    /// Takes no publish any more.
    pub(crate) fn refuse(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// The client would keep a message, and then let everybody wait, while the server is away.
    pub(crate) fn check_up(&self, message: &Message) -> Result<(), TransportError> {
        // Mostly it is, and nothing has to be said of it.
        if self.own.events.is_up() {
            return Ok(());
        }
        match self.own.state() {
            ConnectionState::Down { reason } => Err(away(message, &reason)),
            ConnectionState::Failed { reason } => {
                let reason = format!("{}: {reason}", cannot(message));
                Err(TransportError::new(self.own.events.fault(), reason))
            }
            _ => Ok(()),
        }
    }

    /// Why the client has not taken a message. It counts its size anyway.
    fn refused(&self, message: &Message, error: &PublishError) -> TransportError {
        let size = wire::size(&wire::headers(message), &message.payload);
        let fits = wire::check_size(size, self.own.client.max_payload(), &message.topic);
        let unreachable = || failed(TransportFault::Unreachable, cannot(message), error);
        fits.err().unwrap_or_else(unreachable)
    }

    /// Hands a message to the client, and waits as long as it takes.
    async fn send(&self, message: &Message) -> Result<(), TransportError> {
        let since = self.own.events.violations_count();
        let (outgoing, permitted) = self.prepare(message, since)?;
        let subject = outgoing.0.clone();
        let sent = publish(&self.own.client, outgoing);
        match time::timeout(self.publish_within, sent).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.refused(message, &error)),
            Err(_) => return Err(away(message, "the server takes nothing in")),
        }
        if !permitted {
            self.ask_for(&message.topic, subject, since).await?;
        }
        Ok(())
    }

    /// Hears whether a subject may be published on: the server says so by the way, and only if it may not.
    pub(crate) async fn ask_for(
        &self,
        topic: &Arc<str>,
        subject: Subject,
        since: u64,
    ) -> Result<(), TransportError> {
        self.own.flush(self.publish_within).await?;
        let events = &self.own.events;
        if let Some(error) = events.violation_soon("Publish", &subject, since).await {
            return Err(error);
        }
        let mut known = self.known(since);
        if KNOWN_MAX <= known.subjects.len() {
            known.subjects.clear();
        }
        known.subjects.insert(Arc::clone(topic), subject);
        Ok(())
    }

    /// What is known as of so many violations.
    fn known(&self, violations_count: u64) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.violations_count != violations_count {
            known.subjects.clear();
            known.violations_count = violations_count;
        }
        known
    }

    async fn hear(&self, interest: &Interest) -> Result<Deliveries, TransportError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        let subject = self.subjects.of(&interest.pattern)?;
        let since = match interest.group {
            None => self.own.events.violations_count(),
            Some(_) => self.groups.events.violations_count(),
        };
        let (connected, subscriber) = match &interest.group {
            None => (&self.own, self.own.client.subscribe(subject.clone()).await),
            Some(group) => {
                let client = &self.groups.client;
                (
                    &self.groups,
                    client.queue_subscribe(subject.clone(), queue(group)).await,
                )
            }
        };
        let subscriber = subscriber.map_err(|error| {
            let what = format!("cannot subscribe to `{}`", interest.pattern);
            failed(TransportFault::Refused, what, &error)
        })?;
        connected.flush(self.publish_within).await?;
        let events = &connected.events;
        match events.violation_soon("Subscription", &subject, since).await {
            Some(error) => Err(error),
            None => {
                let hears = Hears::new(
                    subscriber,
                    self.subjects.clone(),
                    interest.pattern.clone(),
                    Arc::clone(events),
                    interest.group.is_none(),
                );
                Ok(Box::pin(inbox::open(hears)))
            }
        }
    }
}

/// What the client takes.
type Outgoing = (Subject, HeaderMap, Bytes);

fn publish(
    client: &Client,
    (subject, headers, payload): Outgoing,
) -> impl Future<Output = Result<(), PublishError>> + '_ {
    client.publish_with_headers(subject, headers, payload)
}

fn cannot(message: &Message) -> String {
    format!("cannot publish on `{}`", message.topic)
}

pub(crate) fn away(message: &Message, said: &str) -> TransportError {
    let reason = format!("{}: {said}", cannot(message));
    TransportError::new(TransportFault::Unreachable, reason)
}

/// The name of a group as a queue of NATS, which has no white space.
fn queue(group: &str) -> String {
    group.split_whitespace().collect::<Vec<_>>().join("_")
}

impl Connection for Core {
    fn features(&self) -> Features {
        Features::none().ordered().groups().requests()
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(self.send(message))
    }

    /// If the client has room, and nothing is to be asked about the subject.
    fn try_publish(&self, message: &Message) -> Option<Result<(), TransportError>> {
        let since = self.own.events.violations_count();
        let outgoing = match self.prepare(message, since) {
            Ok((outgoing, true)) => outgoing,
            Ok((_, false)) => return None,
            Err(error) => return Some(Err(error)),
        };
        // A client that was not ready, and is not asked again, has not taken the message.
        let sent = pin!(publish(&self.own.client, outgoing));
        match sent.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(sent) => Some(sent.map_err(|error| self.refused(message, &error))),
            Poll::Pending => None,
        }
    }

    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries> {
        Box::pin(self.hear(interest))
    }

    fn request<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, Message> {
        Box::pin(self.requests.ask(message))
    }

    fn serve<'a>(&'a self, pattern: &'a str) -> TransportFuture<'a, Asked> {
        Box::pin(self.requests.serve(pattern))
    }

    fn drain(&self) -> TransportFuture<'_, ()> {
        self.refuse();
        self.requests.close();
        Box::pin(async {
            self.requests.left().await;
            let groups = self.groups.close().await;
            self.own.close().await.and(groups)
        })
    }

    fn state(&self) -> ConnectionState {
        match self.own.state() {
            ConnectionState::Up => self.groups.state(),
            state => state,
        }
    }
}
