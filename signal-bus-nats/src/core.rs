//! NATS without `JetStream`: once at most.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_nats::Subscriber;
use futures_util::{StreamExt as _, stream};
use signal_bus::{
    ConnectionState,
    transport::{
        Connection, Deliveries, Delivery, Encoding, Features, Incoming, Interest, Message,
        TransportError, TransportFault, TransportFuture,
    },
};
use tokio::sync::mpsc;

use crate::{
    client::Connected,
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
    permitted: Mutex<HashSet<String>>,
    closed: AtomicBool,
}

impl Core {
    pub(crate) fn new(
        own: Connected,
        groups: Connected,
        subjects: Subjects,
        encoding: Encoding,
    ) -> Self {
        Self {
            own,
            groups,
            subjects,
            encoding,
            permitted: Mutex::default(),
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
        let permitted = self.is_permitted(&subject);
        let payload = message.payload.clone();
        let sent = self
            .own
            .client
            .publish_with_headers(subject.clone(), headers, payload);
        sent.await.map_err(|error| {
            let what = format!("cannot publish on `{}`", message.topic);
            failed(TransportFault::Unreachable, what, &error)
        })?;
        if !permitted {
            self.ask_for(subject).await?;
        }
        Ok(())
    }

    fn is_permitted(&self, subject: &str) -> bool {
        let permitted = self
            .permitted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        permitted.contains(subject)
    }

    /// Hears whether a subject may be published on: the server says so by the way, and only if it may not.
    async fn ask_for(&self, subject: String) -> Result<(), TransportError> {
        self.own.flush().await?;
        if let Some(error) = self.own.events.violation_soon("Publish", &subject).await {
            return Err(error);
        }
        let mut permitted = self
            .permitted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if PERMITTED_MAX <= permitted.len() {
            permitted.clear();
        }
        permitted.insert(subject);
        Ok(())
    }

    async fn hear(&self, interest: &Interest) -> Result<Deliveries, TransportError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        let subject = self.subjects.of(&interest.pattern)?;
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
        connected.flush().await?;
        if let Some(error) = connected
            .events
            .violation_soon("Subscription", &subject)
            .await
        {
            return Err(error);
        }
        Ok(deliveries(subscriber, self.subjects.clone()))
    }
}

/// The name of a group as a queue of NATS, which has no white space.
fn queue(group: &str) -> String {
    group.split_whitespace().collect::<Vec<_>>().join("_")
}

/// Reads at once what comes, so that it is not the client that drops what is too much: it does so without a word.
fn deliveries(mut subscriber: Subscriber, subjects: Subjects) -> Deliveries {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with its subscription, which ends with its reader"
    )]
    tokio::spawn(async move {
        let mut lost = 0;
        loop {
            let carried = tokio::select! {
                () = sender.closed() => break,
                carried = subscriber.next() => carried,
            };
            let Some(carried) = carried else { break };
            let Some(message) = wire::message(&subjects, carried) else {
                continue;
            };
            if 0 < lost {
                let reason = "its subscribers are too slow".to_owned();
                match sender.try_send(Incoming::Lost {
                    count: lost,
                    reason,
                }) {
                    Ok(()) => lost = 0,
                    Err(_) => {
                        lost += 1;
                        continue;
                    }
                }
            }
            if sender
                .try_send(Incoming::Message(Delivery::once(message)))
                .is_err()
            {
                lost += 1;
            }
        }
    });
    Box::pin(stream::unfold(receiver, |mut receiver| async {
        let next = receiver.recv().await?;
        Some((next, receiver))
    }))
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
        match self.own.events.state() {
            ConnectionState::Up => self.groups.events.state(),
            state => state,
        }
    }
}
