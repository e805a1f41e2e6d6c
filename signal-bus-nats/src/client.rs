//! A connection to a server: made, and waited for.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr, connection::State};
use bytes::Bytes;
use futures_util::StreamExt as _;
use signal_bus::{
    ConnectionState,
    transport::{TransportError, TransportFault},
};
use tokio::time::{self, Instant};

use crate::{
    events::{Events, Hearing},
    fault::{failed, words},
};

/// How long between two looks whether the server is there.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long one look may take.
const LOOK_MAX: Duration = Duration::from_secs(5);
/// How long the server has to take what was sent last.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);
/// How long the server has to say that it has seen what was sent.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// How often the server is asked whether it is still there; it is given up on after the second time without an answer.
const PING_EVERY: Duration = Duration::from_secs(5);

/// A connection, and what it tells.
#[derive(Clone, Debug)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) events: Arc<Events>,
    /// Of a connection without an echo, one that hears what is sent on it.
    pub(crate) beside: Option<Client>,
}

/// Connects, and waits for the server for so long.
pub(crate) async fn connect(
    servers: &[ServerAddr],
    name: &str,
    options: impl Fn() -> Result<ConnectOptions, TransportError>,
    patience: Duration,
) -> Result<Connected, TransportError> {
    let deadline = Instant::now() + patience;
    loop {
        let events = Arc::<Events>::default();
        let hearing = Hearing(Arc::clone(&events));
        let options = options()?
            .connection_timeout(LOOK_MAX)
            .ping_interval(PING_EVERY)
            .event_callback(move |event| {
                hearing.0.hear(&event);
                std::future::ready(())
            });
        let error = match options.connect(servers).await {
            Ok(client) => {
                return Ok(Connected {
                    client,
                    events,
                    beside: None,
                });
            }
            Err(error) => error,
        };
        let said = words(&error).to_lowercase();
        // The client tells of both as if the network were broken.
        let tls = said.contains("certificate") || said.contains("corrupt message");
        match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                let what = "the server does not accept the credentials";
                return Err(failed(TransportFault::Unauthorized, what, &error));
            }
            ConnectErrorKind::Tls => return Err(insecure(name, &error)),
            _ if tls => return Err(insecure(name, &error)),
            ConnectErrorKind::ServerParse => {
                return Err(failed(
                    TransportFault::Refused,
                    "the address is none",
                    &error,
                ));
            }
            _ if deadline <= Instant::now() => {
                let what = format!(
                    "nothing that speaks NATS answers (start one with `nats-server -js`), for {patience:?}"
                );
                return Err(failed(TransportFault::Unreachable, what, &error));
            }
            _ => time::sleep(LOOK_AGAIN_AFTER).await,
        }
    }
}

fn insecure(name: &str, error: &async_nats::ConnectError) -> TransportError {
    let what = format!("no secure connection (TLS) to {name}");
    failed(TransportFault::Unauthorized, what, error)
}

impl Connected {
    /// How the connection is. When much happens, the client does not tell of all of it: what it is now counts.
    pub(crate) fn state(&self) -> ConnectionState {
        if self.client.connection_state() == State::Connected && !self.events.is_up() {
            self.events.hear(&Event::Connected);
        }
        self.events.state()
    }

    /// Waits until the connection stands, or stands no more for good; how it is at the deadline.
    pub(crate) async fn settled_by(&self, deadline: Instant) -> ConnectionState {
        // Mostly it stands, and there is nothing to wait for.
        let state = self.state();
        if !matches!(state, ConnectionState::Down { .. }) {
            return state;
        }
        let mut states = self.events.states();
        loop {
            let state = self.state();
            if !matches!(state, ConnectionState::Down { .. }) || deadline <= Instant::now() {
                return state;
            }
            let look = deadline.min(Instant::now() + LOOK_AGAIN_AFTER);
            drop(time::timeout_at(look, states.changed()).await);
        }
    }

    /// Waits until the server has seen all that was sent, and what it says of it is here.
    pub(crate) async fn flush(&self, within: Duration) -> Result<(), TransportError> {
        let unheard = "the server does not answer: it may have what was sent last, or not";
        match time::timeout(within, self.client.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(TransportFault::Unknown, unheard, &error)),
            Err(_) => return Err(TransportError::new(TransportFault::Unknown, unheard)),
        }
        // Where nobody answers it counts as seen all the same: it has left.
        drop(time::timeout(within.min(ANSWERS_WITHIN), self.is_seen()).await);
        Ok(())
    }

    /// Waits until the server has come to what is sent now: it takes one thing after the other, and what it says of one is here
    /// before what it says of the next.
    async fn is_seen(&self) {
        let (here, there) = (self.client.new_inbox(), self.client.new_inbox());
        tokio::select! {
            _ = self.comes_back(&here, &there) => {}
            // That one may not ask is an answer.
            _ = self.events.violated("Subscription", &here, 0) => {}
            _ = self.events.violated("Publish", &here, 0) => {}
            _ = self.events.violated("Publish", &there, 0) => {}
        }
    }

    /// Sends something that comes back; where nothing does that is sent here, by way of somebody else.
    async fn comes_back(&self, here: &str, there: &str) -> Result<(), async_nats::Error> {
        let mut back = self.client.subscribe(here.to_owned()).await?;
        match &self.beside {
            None => self.client.publish(here.to_owned(), Bytes::new()).await?,
            Some(beside) => {
                let mut heard = beside.subscribe(there.to_owned()).await?;
                // Once by itself, to know that the server knows of it.
                beside.publish(there.to_owned(), Bytes::new()).await?;
                heard.next().await;
                self.client.publish(there.to_owned(), Bytes::new()).await?;
                heard.next().await;
                beside.publish(here.to_owned(), Bytes::new()).await?;
            }
        }
        back.next().await;
        Ok(())
    }

    /// Ends it, once everything has left; without a server there is nothing to wait for.
    pub(crate) async fn close(&self) -> Result<(), TransportError> {
        let flushed = match self.state() {
            ConnectionState::Up => self.flush(LEAVES_WITHIN).await,
            state => {
                let reason = format!("what was sent last has not left: {state:?}");
                Err(TransportError::new(TransportFault::Unknown, reason))
            }
        };
        drop(time::timeout(LEAVES_WITHIN, self.client.drain()).await);
        flushed
    }
}
