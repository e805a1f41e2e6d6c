//! NATS without `JetStream`: once at most.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{HeaderMap, Subscriber};
use futures_util::{StreamExt as _, stream};
use signal_bus::{
    ConnectionState,
    transport::{
        Connection, Deliveries, Delivery, Encoding, Features, Incoming, Interest, Message,
        TransportError, TransportFault, TransportFuture,
    },
};
use tokio::{sync::mpsc, time};

use crate::{
    client::Connected,
    events::Events,
    fault::{closed, failed},
    subject::Subjects,
    wire,
};

/// Messages of one subscription that wait for the bus at most; what comes then is dropped, and counted.
const WAITING_MAX: usize = 65_536;
/// Subjects that are known to be permitted.
const PERMITTED_MAX: usize = 4096;

/// A connection that delivers once at most.
#[derive(Debug)]
pub(crate) struct Core {
    /// For everything but groups. What is sent on it does not come back.
    own: Connected,
    /// For groups, whose members may be in the process that publishes.
    groups: Connected,
    subjects: Subjects,
    encoding: Encoding,
    permitted: Mutex<Permitted>,
    /// How long a publish may take.
    publish_within: Duration,
    closed: AtomicBool,
}

/// Subjects that may be published on, as far as is known.
#[derive(Default, Debug)]
struct Permitted {
    subjects: HashSet<String>,
    /// How often something was not permitted until then: what was permitted before may not be any more.
    violations_count: u64,
}

impl Core {
    pub(crate) fn new(
        own: Connected,
        groups: Connected,
        subjects: Subjects,
        encoding: Encoding,
        publish_within: Duration,
    ) -> Self {
        Self {
            own,
            groups,
            subjects,
            encoding,
            permitted: Mutex::default(),
            publish_within,
            closed: AtomicBool::new(false),
        }
    }

    async fn send(&self, message: &Message) -> Result<(), TransportError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        let subject = self.subjects.of(&message.topic)?;
        let headers = wire::headers(message, false);
        let size = wire::size(&headers, &message.payload);
        wire::check_size(size, self.own.client.max_payload(), &message.topic)?;
        let since = self.own.events.violations_count();
        let permitted = self.is_permitted(&subject, since);
        self.put(subject.clone(), headers, message).await?;
        if !permitted {
            self.ask_for(subject, since).await?;
        }
        Ok(())
    }

    /// Hands a message to the client, which would keep it, and then let everybody wait, while the server is away.
    async fn put(
        &self,
        subject: String,
        headers: HeaderMap,
        message: &Message,
    ) -> Result<(), TransportError> {
        let what = || format!("cannot publish on `{}`", message.topic);
        let away = |said: &str| {
            TransportError::new(TransportFault::Unreachable, format!("{}: {said}", what()))
        };
        match self.own.state() {
            ConnectionState::Down { reason } => return Err(away(&reason)),
            ConnectionState::Failed { reason } => {
                let reason = format!("{}: {reason}", what());
                return Err(TransportError::new(TransportFault::Unauthorized, reason));
            }
            _ => {}
        }
        let payload = message.payload.clone();
        let client = &self.own.client;
        let sent = client.publish_with_headers(subject, headers, payload);
        match time::timeout(self.publish_within, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(TransportFault::Unreachable, what(), &error)),
            Err(_) => Err(away("the server takes nothing in")),
        }
    }

    fn is_permitted(&self, subject: &str, violations_count: u64) -> bool {
        let mut permitted = self.permitted();
        if permitted.violations_count != violations_count {
            permitted.subjects.clear();
            permitted.violations_count = violations_count;
        }
        permitted.subjects.contains(subject)
    }

    /// Hears whether a subject may be published on: the server says so by the way, and only if it may not.
    async fn ask_for(&self, subject: String, since: u64) -> Result<(), TransportError> {
        self.own.flush(self.publish_within).await?;
        let events = &self.own.events;
        if let Some(error) = events.violation_soon("Publish", &subject, since).await {
            return Err(error);
        }
        let mut permitted = self.permitted();
        if PERMITTED_MAX <= permitted.subjects.len() {
            permitted.subjects.clear();
        }
        permitted.subjects.insert(subject);
        Ok(())
    }

    fn permitted(&self) -> MutexGuard<'_, Permitted> {
        self.permitted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
                let events = Arc::clone(events);
                Ok(deliveries(subscriber, self.subjects.clone(), events))
            }
        }
    }
}

/// The name of a group as a queue of NATS, which has no white space.
fn queue(group: &str) -> String {
    group.split_whitespace().collect::<Vec<_>>().join("_")
}

/// Reads at once what comes, so that it is not the client that drops what is too much.
fn deliveries(subscriber: Subscriber, subjects: Subjects, events: Arc<Events>) -> Deliveries {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with its subscription, which ends with its reader"
    )]
    tokio::spawn(read(subscriber, subjects, events, sender));
    Box::pin(stream::unfold(receiver, |mut receiver| async {
        let next = receiver.recv().await?;
        Some((next, receiver))
    }))
}

async fn read(
    mut subscriber: Subscriber,
    subjects: Subjects,
    events: Arc<Events>,
    sender: mpsc::Sender<Incoming>,
) {
    let mut lost = 0;
    loop {
        let carried = tokio::select! {
            biased;
            () = sender.closed() => return,
            // Also if nothing comes any more, it is told what is lost.
            place = sender.reserve(), if 0 < lost => {
                if let Ok(place) = place {
                    let reason = "its subscribers are too slow".to_owned();
                    place.send(Incoming::Lost { count: lost, reason });
                }
                lost = 0;
                continue;
            }
            carried = subscriber.next() => carried,
        };
        // Of those that the client has dropped itself, whoever comes first tells.
        lost += events.take_dropped();
        let Some(carried) = carried else { return };
        if let Some(message) = wire::message(&subjects, carried) {
            let incoming = Incoming::Message(Delivery::once(message));
            lost += u64::from(sender.try_send(incoming).is_err());
        }
    }
}

impl Connection for Core {
    fn features(&self) -> Features {
        Features::none().ordered().groups()
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(self.send(message))
    }

    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries> {
        Box::pin(self.hear(interest))
    }

    fn drain(&self) -> TransportFuture<'_, ()> {
        self.closed.store(true, Ordering::Release);
        Box::pin(async {
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
