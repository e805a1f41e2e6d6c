//! `JetStream`: at least once.

pub(crate) mod streams;
mod publish;
mod held;
mod going;
mod acknowledge;
mod ahead;
mod missed;
mod origin;
mod looks;
mod consumer;
mod pull;
mod bucket;
mod lease;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::{Context, context::ContextBuilder};
use signal_bus::{
    ConnectionState,
    transport::{
        Connection, Deliveries, Encoding, Features, Interest, Lease, LeaseRequest, Message,
        Requests as Asked, TransportError, TransportFuture,
    },
};
use tokio::{sync::watch, task::JoinSet, time};

use crate::{
    client::Connected,
    delivery::{AtLeastOnce, Buckets},
    fault::closed,
    jetstream::lease::BucketLease,
    requests::Requests,
    subject::{Last, Subjects},
};

/// How long the server has for one acknowledgement, before the message is sent again.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);
/// How long pullers have to hand back what they have.
const HAND_BACK_MAX: Duration = Duration::from_secs(2);

/// A connection that delivers at least once.
#[derive(Debug)]
pub(crate) struct JetStream {
    pub(crate) shared: Arc<Shared>,
    requests: Requests,
    /// Those who fetch messages; each ends with its reader, or with the connection.
    pullers: Mutex<JoinSet<()>>,
    closed: AtomicBool,
}

/// What everything on a connection needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) connected: Connected,
    pub(crate) context: Context,
    pub(crate) subjects: Subjects,
    /// The subject of the topic that was published on last.
    pub(crate) last: Mutex<Last>,
    pub(crate) encoding: Encoding,
    pub(crate) delivery: AtLeastOnce,
    /// How long a publish may take.
    pub(crate) publish_within: Duration,
    /// What the subjects of dead letters begin with, with its dot.
    pub(crate) dead: Option<String>,
    /// How buckets of leases are made, if they are.
    pub(crate) buckets: Option<Buckets>,
    /// Tells pullers that it is over.
    pub(crate) closes: watch::Sender<bool>,
}

/// The way to `JetStream` on a connection.
pub(crate) fn context(connected: &Connected, publish_within: Duration) -> Context {
    ContextBuilder::new()
        .timeout(ACKNOWLEDGED_WITHIN.min(publish_within))
        .build(connected.client.clone())
}

impl JetStream {
    pub(crate) fn new(shared: Shared, requests: Requests) -> Self {
        Self {
            shared: Arc::new(shared),
            requests,
            pullers: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    fn check_open(&self) -> Result<(), TransportError> {
        match self.closed.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(closed()),
        }
    }

    async fn hear(&self, interest: &Interest) -> Result<Deliveries, TransportError> {
        self.check_open()?;
        let (puller, deliveries) = pull::open(&self.shared, interest).await?;
        let mut pullers = self.pullers.lock().unwrap_or_else(PoisonError::into_inner);
        while pullers.try_join_next().is_some() {}
        pullers.spawn(puller);
        Ok(deliveries)
    }
}

impl Connection for JetStream {
    fn features(&self) -> Features {
        Features::none()
            .ordered()
            .at_least_once()
            .durable()
            .groups()
            .replay()
            .deduplicates()
            .leases()
            .requests()
    }

    fn encoding(&self) -> Encoding {
        self.shared.encoding
    }

    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(async {
            self.check_open()?;
            self.shared.publish(message).await
        })
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
        self.closed.store(true, Ordering::Release);
        self.requests.close();
        self.shared.closes.send_replace(true);
        let mut pullers = self.pullers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pullers = std::mem::take(&mut *pullers);
        Box::pin(async move {
            let ended = async { while pullers.join_next().await.is_some() {} };
            // What they have not handed back until then comes again by itself.
            drop(time::timeout(HAND_BACK_MAX, ended).await);
            self.requests.left().await;
            self.shared.connected.close().await
        })
    }

    fn lease<'a>(&'a self, request: &'a LeaseRequest) -> TransportFuture<'a, Arc<dyn Lease>> {
        Box::pin(async {
            self.check_open()?;
            let lease = BucketLease::open(&self.shared, request).await?;
            Ok(Arc::new(lease) as Arc<dyn Lease>)
        })
    }

    fn state(&self) -> ConnectionState {
        self.shared.connected.state()
    }
}
