//! A transport within the process: for tests, and to see what travels.

mod desks;
mod shelf;
mod leases;

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    error::transport::{TransportError, TransportFault},
    transport::{
        Connection, Deliveries, Features, Interest, Message, Requests, Transport, TransportFuture,
        delivery::{Acknowledge, Delivery, Incoming, Verdict},
        encoding::Encoding,
        lease::{Lease, LeaseRequest},
        loopback::{
            desks::Desks,
            leases::{Leases, LoopbackLease},
            shelf::State,
        },
    },
};

/// After how long without a word a message is handed out again, unless it is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// An engine in the memory of the process, to which several buses connect as they would to one server.
///
/// It keeps what an engine like NATS `JetStream` would keep, as long as it lives: groups get each message once, and what was
/// not acknowledged is handed out again. The newest 1024 messages can be had later as well.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use signal_bus::{Bus, transport::LoopbackNetwork};
///
/// let network = LoopbackNetwork::new();
/// let shop = Bus::empty().carry::<u32>().connect_to(network.clone(), ["orders.>"]).start().await?;
/// let mail = Bus::empty().carry::<u32>().connect_to(network.clone(), ["orders.>"]).start().await?;
///
/// let mut orders = mail.subscribe::<u32>("orders.>")?;
/// mail.connected().await;
/// shop.publish("orders.eu", 7_u32).await?;
/// assert_eq!(orders.recv().await.as_deref(), Some(&7));
/// # drop(orders); shop.close().await?; mail.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LoopbackNetwork {
    network: Arc<Network>,
    encoding: Encoding,
}

#[derive(Debug)]
struct Loopback {
    network: Arc<Network>,
    encoding: Encoding,
    closed: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Network {
    patience: Duration,
    state: Mutex<State>,
    leases: Leases,
    desks: Mutex<Desks>,
}

impl Network {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn desks(&self) -> MutexGuard<'_, Desks> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for LoopbackNetwork {
    fn default() -> Self {
        Self::new()
    }
}

impl LoopbackNetwork {
    /// A network that hands out again what was not acknowledged for 30 s.
    #[must_use]
    pub fn new() -> Self {
        Self::patient_for(PATIENCE)
    }

    /// A network that hands out again what was not acknowledged for so long.
    #[must_use]
    pub fn patient_for(patience: Duration) -> Self {
        Self {
            network: Arc::new(Network {
                patience,
                state: Mutex::default(),
                leases: Leases::default(),
                desks: Mutex::default(),
            }),
            encoding: Encoding::default(),
        }
    }

    /// The same network for buses that write values so.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// What was given up on, with the reasons: the network's dead letters.
    #[must_use]
    pub fn dead(&self) -> Vec<(Message, String)> {
        self.network.lock().dead().to_vec()
    }

    /// Messages that wait, or are being handled, over all subscriptions.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.network.lock().outstanding()
    }
}

impl Loopback {
    fn check_open(&self) -> Result<(), TransportError> {
        match self.closed.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(drained()),
        }
    }
}

fn drained() -> TransportError {
    TransportError::new(
        TransportFault::Closed,
        "the connection to the loopback network was drained",
    )
}

impl Transport for LoopbackNetwork {
    fn name(&self) -> String {
        "loopback".into()
    }

    fn connect<'a>(&'a self, _patterns: &'a [String]) -> TransportFuture<'a, Arc<dyn Connection>> {
        let connection = Loopback {
            network: Arc::clone(&self.network),
            encoding: self.encoding,
            closed: Arc::default(),
        };
        Box::pin(async { Ok(Arc::new(connection) as Arc<dyn Connection>) })
    }
}

impl Connection for Loopback {
    fn features(&self) -> Features {
        Features::none()
            .ordered()
            .at_least_once()
            .groups()
            .replay()
            .deduplicates()
            .leases()
            .requests()
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(async {
            std::future::poll_fn(|context| {
                // It may be drained while a publish waits for room.
                self.check_open()?;
                self.network.lock().poll_put(message, context)
            })
            .await
        })
    }

    fn try_publish(&self, message: &Message) -> Option<Result<(), TransportError>> {
        if let Err(error) = self.check_open() {
            return Some(Err(error));
        }
        self.network.lock().try_put(message)
    }

    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries> {
        Box::pin(async {
            self.check_open()?;
            let shelf = self.network.lock().open(interest)?;
            let reader = Reader {
                network: Arc::clone(&self.network),
                shelf,
                closed: Arc::clone(&self.closed),
                alarm: None,
            };
            Ok(Box::pin(reader) as Deliveries)
        })
    }

    fn request<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, Message> {
        Box::pin(async {
            self.check_open()?;
            let replied = self.network.desks().ask(message)?;
            replied.await.map_err(|_| {
                let reason = format!("whoever had the request on `{}` has gone", message.topic);
                TransportError::new(TransportFault::Unknown, reason)
            })
        })
    }

    fn serve<'a>(&'a self, pattern: &'a str) -> TransportFuture<'a, Requests> {
        Box::pin(async {
            self.check_open()?;
            let clerk = self.network.desks().open(pattern, &self.closed)?;
            Ok(Box::pin(clerk) as Requests)
        })
    }

    fn drain(&self) -> TransportFuture<'_, ()> {
        Box::pin(async {
            self.closed.store(true, Ordering::Release);
            self.network.desks().close();
            self.network.lock().wake_all();
            Ok(())
        })
    }

    fn lease<'a>(&'a self, request: &'a LeaseRequest) -> TransportFuture<'a, Arc<dyn Lease>> {
        Box::pin(async {
            self.check_open()?;
            let (network, closed) = (Arc::clone(&self.network), Arc::clone(&self.closed));
            let lease = LoopbackLease::new(network, closed, request);
            Ok(Arc::new(lease) as Arc<dyn Lease>)
        })
    }
}

/// Reads what is on a shelf.
struct Reader {
    network: Arc<Network>,
    shelf: u64,
    closed: Arc<AtomicBool>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Stream for Reader {
    type Item = Incoming;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let this = self.get_mut();
        loop {
            if this.closed.load(Ordering::Acquire) {
                return Poll::Ready(None);
            }
            let next_change = match this.take(context) {
                Ok(incoming) => return Poll::Ready(Some(incoming)),
                Err(next_change) => next_change,
            };
            let Some(at) = next_change else {
                return Poll::Pending;
            };
            let alarm = this.alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if alarm.deadline() != at {
                alarm.as_mut().reset(at);
            }
            if alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Reader {
    /// What is next, or when there may be something.
    fn take(&self, context: &Context<'_>) -> Result<Incoming, Option<Instant>> {
        let patience = self.network.patience;
        let taken = self.network.lock().take(self.shelf, patience, context);
        let taken = taken?;
        let by = Receipt {
            network: Arc::clone(&self.network),
            shelf: self.shelf,
            number: taken.number,
        };
        let delivery = Delivery::acknowledged_by(taken.message, taken.attempt, by);
        Ok(Incoming::Message(delivery.numbered(taken.sequence)))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.network.lock().leave(self.shelf);
    }
}

/// The way back of one message.
struct Receipt {
    network: Arc<Network>,
    shelf: u64,
    number: u64,
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receipt({})", self.number)
    }
}

impl Acknowledge for Receipt {
    fn settle(&self, verdict: Verdict) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            self.network.lock().settle(self.shelf, self.number, verdict);
            Ok(())
        })
    }

    fn extend(&self) -> TransportFuture<'_, ()> {
        Box::pin(async {
            let patience = self.network.patience;
            self.network
                .lock()
                .extend(self.shelf, self.number, patience);
            Ok(())
        })
    }

    fn patience(&self) -> Duration {
        self.network.patience
    }
}
