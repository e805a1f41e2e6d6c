//! What carries signals between the buses of several processes: bytes exist here, and only here.
//!
//! A bus hands a transport [`Message`]s and gets [`Delivery`]s from it; it knows nothing of servers, streams or subjects, and the
//! transport nothing of types, queues or handlers. [`Bus::connect_to`](crate::Bus::connect_to) says which topics travel. What a
//! transport promises it says itself, by [`Features`], and `signal_bus::testing::transport` checks that it keeps it.
//!
//! Implement [`Transport`] and [`Connection`] for an engine of your own; `#[async_trait]` of the crate of that name fits the methods as they are.

pub(crate) mod delivery;
pub(crate) mod encoding;
pub(crate) mod interest;
pub(crate) mod lease;
pub(crate) mod loopback;
pub(crate) mod message;
pub(crate) mod request;

use std::{fmt, pin::Pin, sync::Arc};

use futures_core::Stream;

pub use crate::error::transport::{TransportError, TransportFault};
pub use crate::report::health::ConnectionState;
pub use delivery::{Acknowledge, Delivery, Incoming, Verdict};
pub use encoding::Encoding;
pub use interest::{Interest, Start};
pub use lease::{Holding, Lease, LeaseRequest, Mark};
pub use loopback::LoopbackNetwork;
pub use message::{Message, header};
pub use request::{Reply, Request, Requests};

/// A future of a transport.
pub type TransportFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, TransportError>> + Send + 'a>>;
/// What comes in, until the transport is drained.
pub type Deliveries = Pin<Box<dyn Stream<Item = Incoming> + Send>>;

/// Describes how to connect to what carries signals between processes. It is connected to once by each bus that starts.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// What it is called in errors and in the bus's health: `nats://127.0.0.1:4222`. No passwords.
    fn name(&self) -> String;

    /// Connects, to carry the topics of `patterns`, written as those of an [`Interest`]: waits for the server, and looks whether what it needs is there.
    ///
    /// # Errors
    ///
    /// Whatever would let every publish fail: no server, wrong credentials, a stream that is missing.
    fn connect<'a>(&'a self, patterns: &'a [String]) -> TransportFuture<'a, Arc<dyn Connection>>;
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn name(&self) -> String {
        T::name(self)
    }

    fn connect<'a>(&'a self, patterns: &'a [String]) -> TransportFuture<'a, Arc<dyn Connection>> {
        T::connect(self, patterns)
    }
}

/// Carries the signals of one bus, which calls its methods from many tasks at once, and [`drain`](Self::drain) last and once.
pub trait Connection: fmt::Debug + Send + Sync + 'static {
    /// What it promises; always the same.
    fn features(&self) -> Features;

    /// How values become bytes; what comes in is read as its own label says.
    fn encoding(&self) -> Encoding {
        Encoding::Json
    }

    /// Hands a message over, and waits until that is acknowledged, as far as it is.
    ///
    /// With [`Features::at_least_once`], `Ok` means that the engine has stored it. A message of an id that was stored
    /// before is stored once.
    ///
    /// # Errors
    ///
    /// [`TransportFault::Unknown`] if the engine may have it or not; with every other, nobody gets it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the engine may have the message or not.
    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()>;

    /// Hands a message over as [`publish`](Self::publish) does, and in order with it, if that takes no waiting; `None` if it does:
    /// then nothing has happened, and `publish` is asked.
    ///
    /// A connection that delivers at most once can save its bus much of a publish by it. Others need not have it.
    fn try_publish(&self, message: &Message) -> Option<Result<(), TransportError>> {
        let _ = message;
        None
    }

    /// Asks for messages: those that are published from now on, or, of a durable group, that it has not had yet; with
    /// [`Features::replay`], also those of [before](Interest::start).
    ///
    /// What the own bus has published comes in with a group, and may come in otherwise: the bus leaves it alone then.
    ///
    /// # Errors
    ///
    /// If there is no permission, or what holds the messages is missing.
    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries>;

    /// Asks one of those who [serve](Self::serve) the message's topic, and waits for the reply: as long as it takes, for it is the bus
    /// that gives up. With [`Features::requests`].
    ///
    /// # Errors
    ///
    /// [`TransportFault::NoResponders`] if nobody serves the topic, at once where the engine can tell; and
    /// [`TransportFault::Unknown`] if there will be no reply, and somebody may have the request.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, somebody may have the request, and nothing waits for a reply.
    fn request<'a>(&'a self, _message: &'a Message) -> TransportFuture<'a, Message> {
        Box::pin(async { Err(TransportError::without_requests()) })
    }

    /// Takes the requests of a topic, or of a pattern as that of an [`Interest`]: of all that serve a topic, by whatever
    /// pattern and on whatever connection, one gets each request. Whoever leaves drops the stream: what is on its way then is replied to
    /// as [gone](header::GONE), where the engine can. With [`Features::requests`].
    ///
    /// # Errors
    ///
    /// If there is no permission.
    fn serve<'a>(&'a self, _pattern: &'a str) -> TransportFuture<'a, Requests> {
        Box::pin(async { Err(TransportError::without_requests()) })
    }

    /// Ends: streams of deliveries end after what was handed out; what was fetched ahead goes back to the engine at once; what
    /// was published has left.
    ///
    /// # Errors
    ///
    /// If something may not have left.
    fn drain(&self) -> TransportFuture<'_, ()>;

    /// Looks whether a lease can be had, and prepares for it; nobody has it by this alone. Only asked of a connection with [`Features::leases`].
    ///
    /// # Errors
    ///
    /// If it cannot be had: what keeps it is missing, there is no permission.
    fn lease<'a>(&'a self, request: &'a LeaseRequest) -> TransportFuture<'a, Arc<dyn Lease>> {
        Box::pin(async {
            let reason = format!("there are no leases, and none of `{}`", request.name);
            Err(TransportError::new(TransportFault::Missing, reason))
        })
    }

    /// How it is, for the bus's health.
    fn state(&self) -> ConnectionState {
        ConnectionState::Up
    }
}

/// What a transport promises. What is not promised is not checked, and nobody may rely on it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Features {
    /// Messages of one sender on one topic come in in their order, as long as none comes in twice.
    pub ordered: bool,
    /// A message is handed out again until it is acknowledged; otherwise at most once.
    pub at_least_once: bool,
    /// What is stored outlives the engine's process.
    pub durable: bool,
    /// Of all subscriptions of a group, one gets each message.
    pub groups: bool,
    /// Messages of before the subscription can be had, as far as the engine still has them, and each has its sequence.
    pub replay: bool,
    /// A message of an id that was stored before is not stored again, for a while.
    pub deduplicates: bool,
    /// Of all who ask for a [lease](Lease), one has it.
    pub leases: bool,
    /// Somebody can be asked, and replies; that nobody is there is told at once.
    pub requests: bool,
}

impl Features {
    /// Nothing is promised.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            ordered: false,
            at_least_once: false,
            durable: false,
            groups: false,
            replay: false,
            deduplicates: false,
            leases: false,
            requests: false,
        }
    }

    /// Messages of one sender on one topic come in in their order.
    #[must_use]
    pub const fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// A message is handed out again until it is acknowledged.
    #[must_use]
    pub const fn at_least_once(mut self) -> Self {
        self.at_least_once = true;
        self
    }

    /// What is stored outlives the engine's process.
    #[must_use]
    pub const fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Of all subscriptions of a group, one gets each message.
    #[must_use]
    pub const fn groups(mut self) -> Self {
        self.groups = true;
        self
    }

    /// Messages of before the subscription can be had, and each has its sequence.
    #[must_use]
    pub const fn replay(mut self) -> Self {
        self.replay = true;
        self
    }

    /// A message of an id that was stored before is not stored again.
    #[must_use]
    pub const fn deduplicates(mut self) -> Self {
        self.deduplicates = true;
        self
    }

    /// Of all who ask for a lease, one has it.
    #[must_use]
    pub const fn leases(mut self) -> Self {
        self.leases = true;
        self
    }

    /// Somebody can be asked, and replies.
    #[must_use]
    pub const fn requests(mut self) -> Self {
        self.requests = true;
        self
    }
}
