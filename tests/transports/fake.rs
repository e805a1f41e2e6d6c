//! A transport that does as a test says.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures_core::Stream;
use signal_bus::{
    ConnectionState,
    transport::{
        Connection, Deliveries, Features, Incoming, Interest, LoopbackNetwork, Message, Requests,
        Transport, TransportError, TransportFault, TransportFuture,
    },
};
use tokio::sync::Notify;

/// Stands before a loopback network, and refuses or waits as it is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    network: LoopbackNetwork,
    refuses: Mutex<Option<TransportFault>>,
    waits: AtomicBool,
    goes_on: Notify,
    published: AtomicUsize,
    down: AtomicBool,
    unreachable: AtomicBool,
    refuses_interests: AtomicBool,
    drained: AtomicUsize,
    ends_streams: AtomicBool,
    subscribed: AtomicUsize,
    waits_for_interests: AtomicBool,
    waits_for_drain: AtomicBool,
    leaseless: AtomicBool,
}

impl Fake {
    /// Every publish is refused so from now on; `None`: none is.
    pub(crate) fn refuse(&self, fault: Option<TransportFault>) {
        *self.inner.refuses.lock().unwrap() = fault;
    }

    /// Publishes wait from now on until they may go on.
    pub(crate) fn hold(&self) {
        self.inner.waits.store(true, Ordering::SeqCst);
    }

    /// Whoever waits goes on.
    pub(crate) fn release(&self) {
        self.inner.waits.store(false, Ordering::SeqCst);
        self.inner.goes_on.notify_waiters();
    }

    /// How many publishes were begun.
    pub(crate) fn published(&self) -> usize {
        self.inner.published.load(Ordering::SeqCst)
    }

    pub(crate) fn lose_connection(&self) {
        self.inner.down.store(true, Ordering::SeqCst);
    }

    pub(crate) fn nowhere(self) -> Self {
        self.inner.unreachable.store(true, Ordering::SeqCst);
        self
    }

    /// It promises no leases.
    pub(crate) fn without_leases(self) -> Self {
        self.inner.leaseless.store(true, Ordering::SeqCst);
        self
    }

    /// Whether it refuses to subscribe to anything.
    pub(crate) fn refuse_interests(&self, refuses: bool) {
        self.inner
            .refuses_interests
            .store(refuses, Ordering::SeqCst);
    }

    pub(crate) fn drained(&self) -> usize {
        self.inner.drained.load(Ordering::SeqCst)
    }

    /// Whether streams end as soon as they have begun.
    pub(crate) fn end_streams(&self, ends: bool) {
        self.inner.ends_streams.store(ends, Ordering::SeqCst);
    }

    /// How often something was subscribed to.
    pub(crate) fn subscribed(&self) -> usize {
        self.inner.subscribed.load(Ordering::SeqCst)
    }

    /// Nothing can be subscribed to from now on, and nobody is told so.
    pub(crate) fn hold_interests(&self) {
        self.inner.waits_for_interests.store(true, Ordering::SeqCst);
    }

    /// A drain never ends.
    pub(crate) fn hold_drain(&self) {
        self.inner.waits_for_drain.store(true, Ordering::SeqCst);
    }

    pub(crate) fn network(&self) -> &LoopbackNetwork {
        &self.inner.network
    }
}

impl Transport for Fake {
    fn name(&self) -> String {
        "fake".into()
    }

    fn connect<'a>(&'a self, patterns: &'a [String]) -> TransportFuture<'a, Arc<dyn Connection>> {
        Box::pin(async move {
            if self.inner.unreachable.load(Ordering::SeqCst) {
                let reason = "nobody listens on 127.0.0.1:1";
                return Err(TransportError::new(TransportFault::Unreachable, reason));
            }
            let connection = self.inner.network.connect(patterns).await?;
            let inner = Arc::clone(&self.inner);
            Ok(Arc::new(FakeConnection { inner, connection }) as Arc<dyn Connection>)
        })
    }
}

#[derive(Debug)]
struct FakeConnection {
    inner: Arc<Inner>,
    connection: Arc<dyn Connection>,
}

impl Connection for FakeConnection {
    fn features(&self) -> Features {
        let mut features = self.connection.features();
        features.leases &= !self.inner.leaseless.load(Ordering::SeqCst);
        features
    }

    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(async {
            self.inner.published.fetch_add(1, Ordering::SeqCst);
            while self.inner.waits.load(Ordering::SeqCst) {
                self.inner.goes_on.notified().await;
            }
            let refuses = *self.inner.refuses.lock().unwrap();
            match refuses {
                Some(fault) => Err(TransportError::new(fault, "the server said no")),
                None => self.connection.publish(message).await,
            }
        })
    }

    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries> {
        Box::pin(async {
            if self.inner.refuses_interests.load(Ordering::SeqCst) {
                let reason = format!("no permission for `{}`", interest.pattern);
                return Err(TransportError::new(TransportFault::Unauthorized, reason));
            }
            let before = self.inner.subscribed.fetch_add(1, Ordering::SeqCst);
            assert!(before < 1000, "asked again and again without a rest");
            if self.inner.waits_for_interests.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if self.inner.ends_streams.load(Ordering::SeqCst) {
                return Ok(Box::pin(Over) as Deliveries);
            }
            self.connection.subscribe(interest).await
        })
    }

    fn request<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, Message> {
        Box::pin(async {
            let refuses = *self.inner.refuses.lock().unwrap();
            match refuses {
                Some(fault) => Err(TransportError::new(fault, "the server said no")),
                None => self.connection.request(message).await,
            }
        })
    }

    fn serve<'a>(&'a self, pattern: &'a str) -> TransportFuture<'a, Requests> {
        self.connection.serve(pattern)
    }

    fn drain(&self) -> TransportFuture<'_, ()> {
        self.inner.drained.fetch_add(1, Ordering::SeqCst);
        match self.inner.waits_for_drain.load(Ordering::SeqCst) {
            true => Box::pin(std::future::pending()),
            false => self.connection.drain(),
        }
    }

    fn state(&self) -> ConnectionState {
        match self.inner.down.load(Ordering::SeqCst) {
            true => ConnectionState::Down {
                reason: "the server went away".into(),
            },
            false => ConnectionState::Up,
        }
    }
}

/// A stream that has ended.
struct Over;

impl Stream for Over {
    type Item = Incoming;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Incoming>> {
        Poll::Ready(None)
    }
}
