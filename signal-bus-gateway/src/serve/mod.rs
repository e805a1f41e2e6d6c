//! Sockets: who is let in, and what runs for each of them.

mod framing;
mod talk;
pub(crate) mod connection;
mod streaming;
mod socket;
pub(crate) mod tls;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    event::Form,
    serve::connection::{Outcome, Patience, talk},
    wire::Desk,
};

/// So many connections may wait to be let in: bursts of them are common after a restart.
const WAITING_MAX: u32 = 4096;
/// How long nobody is let in when the process has no room for another file.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);

/// What every connection shares.
#[derive(Debug, Clone)]
pub(crate) struct House {
    pub(crate) desk: Arc<Desk>,
    pub(crate) patience: Patience,
    /// Owns the tasks of all connections on which requests are answered.
    pub(crate) talks: TaskTracker,
    /// Owns the tasks of all streams.
    pub(crate) streams: TaskTracker,
    /// No further request is taken.
    pub(crate) closing: CancellationToken,
}

/// Listens on an address, which may be a name.
pub(crate) async fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut found = lookup_host((host, port)).await?;
    let address = found.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart need not wait until the old connections are forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

impl House {
    /// Lets clients in until the house closes.
    pub(crate) async fn admit(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        while let Some(accepted) = self.closing.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((socket, peer)) => {
                    let talks = self.talks.clone();
                    talks.spawn(self.clone().attend(socket, peer.ip(), tls.clone()));
                }
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    tracing::warn!("nobody is let in for a moment: {error}");
                    sleep(NO_ROOM_PAUSE).await;
                }
            }
        }
    }

    async fn attend(self, socket: TcpStream, peer: IpAddr, tls: Option<TlsAcceptor>) {
        // It is only slower without.
        drop(socket.set_nodelay(true));
        let Some(tls) = tls else {
            return self.converse(socket, peer).await;
        };
        match timeout(self.patience.head, tls.accept(socket)).await {
            Ok(Ok(secured)) => self.converse(secured, peer).await,
            Ok(Err(error)) => tracing::debug!("a TLS handshake fails: {error}"),
            Err(_) => tracing::debug!("a TLS handshake takes too long"),
        }
    }

    async fn converse<I>(self, io: I, peer: IpAddr)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let desk = Arc::clone(&self.desk);
        // Boxed, and let go of when it ends: a stream is a smaller task of its own.
        let talk = Box::pin(talk(io, peer, desk, self.patience, &self.closing));
        if let Outcome::Stream(io, early, opening) = talk.await {
            let stall = self.patience.stall;
            if opening.form == Form::Socket {
                self.streams.spawn(socket::run(io, early, *opening, stall));
            } else {
                self.streams.spawn(streaming::run(io, *opening, stall));
            }
        }
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
