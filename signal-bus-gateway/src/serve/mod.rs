//! Sockets: who is let in, and what runs for each of them.

mod framing;
pub(crate) mod places;
mod talk;
pub(crate) mod connection;
mod streaming;
mod socket;
pub(crate) mod tls;
pub(crate) mod door;

use std::{
    io,
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    event::Form,
    serve::{
        connection::{Outcome, Patience, talk},
        places::{Place, Places},
    },
    wire::Desk,
};

/// How long nobody is let in when the process has no room for another file.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);
/// For so long it is not said again that nobody can be let in.
const SILENCE: Duration = Duration::from_secs(5);

/// What every connection shares.
#[derive(Debug, Clone)]
pub(crate) struct House {
    pub(crate) desk: Arc<Desk>,
    pub(crate) patience: Patience,
    pub(crate) places: Places,
    /// Owns the tasks of all connections on which requests are answered.
    pub(crate) talks: TaskTracker,
    /// Owns the tasks of all streams.
    pub(crate) streams: TaskTracker,
    /// No further request is taken.
    pub(crate) closing: CancellationToken,
}

impl House {
    /// Lets clients in until the house closes.
    pub(crate) async fn admit(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let (mut full, mut failing) = (Rarely::default(), Rarely::default());
        while let Some(accepted) = self.closing.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((socket, peer)) => match self.places.take() {
                    Some(place) => {
                        let talks = self.talks.clone();
                        talks.spawn(self.clone().attend(socket, peer.ip(), tls.clone(), place));
                    }
                    None => {
                        if full.is_time() {
                            tracing::warn!("there is no room for a client: see `max_connections`");
                        }
                        self.turn_away(socket, tls.is_some());
                    }
                },
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    self.desk.not_admitted.fetch_add(1, Ordering::Relaxed);
                    if failing.is_time() {
                        tracing::warn!("nobody is let in until this is over: {error}");
                    }
                    sleep(NO_ROOM_PAUSE).await;
                }
            }
        }
    }

    fn turn_away(&self, socket: TcpStream, is_secured: bool) {
        self.desk.turned_away.fetch_add(1, Ordering::Relaxed);
        // A handshake to say no is more than there is room for.
        if !is_secured {
            self.places
                .turn_away(socket)
                .map(|farewell| self.talks.spawn(farewell));
        }
    }

    async fn attend(self, socket: TcpStream, peer: IpAddr, tls: Option<TlsAcceptor>, place: Place) {
        // It is only slower without.
        drop(socket.set_nodelay(true));
        let Some(tls) = tls else {
            return self.converse(socket, peer, place).await;
        };
        match timeout(self.patience.head, tls.accept(socket)).await {
            Ok(Ok(secured)) => self.converse(secured, peer, place).await,
            Ok(Err(error)) => tracing::debug!("a TLS handshake fails: {error}"),
            Err(_) => tracing::debug!("a TLS handshake takes too long"),
        }
    }

    async fn converse<I>(self, io: I, peer: IpAddr, place: Place)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let desk = Arc::clone(&self.desk);
        // Boxed, and let go of when it ends: a stream is a smaller task of its own.
        let talk = Box::pin(talk(io, peer, desk, self.patience, &self.closing));
        if let Outcome::Stream(io, early, opening) = talk.await {
            let stall = self.patience.stall;
            if opening.form == Form::Socket {
                let stream = socket::run(io, early, *opening, stall, place);
                self.streams.spawn(stream);
            } else {
                let stream = streaming::run(io, *opening, stall, place);
                self.streams.spawn(stream);
            }
        }
    }
}

/// Somebody who says the same thing only now and then.
#[derive(Default)]
struct Rarely {
    said: Option<Instant>,
}

impl Rarely {
    fn is_time(&mut self) -> bool {
        let is_time = self.said.is_none_or(|said| SILENCE <= said.elapsed());
        if is_time {
            self.said = Some(Instant::now());
        }
        is_time
    }
}

/// Whether it is the one client who failed to get in.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests;
