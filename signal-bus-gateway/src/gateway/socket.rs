//! A stream of signals on a WebSocket: a text for each.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{
    rt::{Read as _, Write as _},
    upgrade::{OnUpgrade, Upgraded},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::{
    gateway::body::{GatewayBody, TooSlow},
    websocket::{Gone, Socket, pings},
};

/// How long a reader may read nothing.
const STALL: Duration = Duration::from_secs(30);

/// Why there will be nothing more.
enum Over {
    Closed,
    TooSlow,
}

/// Writes a stream to its end, on the connection that the server hands over.
pub(super) async fn run(handing: OnUpgrade, mut signals: GatewayBody) {
    let handed = match handing.await {
        Ok(handed) => handed,
        Err(error) => return tracing::debug!("a WebSocket does not begin: {error}"),
    };
    let mut socket = Socket::new(Handed(handed), Bytes::new(), STALL).await;
    match follow(&mut socket, &mut signals).await {
        Ok(Over::Closed) => socket.close(CloseCode::Away, "the bus is closed").await,
        Ok(Over::TooSlow) => socket.close(CloseCode::Policy, "too slow").await,
        Err(_) => {}
    }
}

/// Writes what comes, until there will be nothing more.
async fn follow(socket: &mut Socket<Handed>, signals: &mut GatewayBody) -> Result<Over, Gone> {
    let mut pings = pings();
    loop {
        tokio::select! {
            _ = pings.tick() => socket.ping().await?,
            said = socket.heard() => said?,
            frame = signals.frame() => {
                let line = match frame {
                    Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                    Some(Err(TooSlow)) => return Ok(Over::TooSlow),
                    None => return Ok(Over::Closed),
                };
                socket.line(&String::from_utf8_lossy(&line)).await?;
            }
        }
    }
}

/// A connection that hyper has handed over, as tokio reads and writes it.
struct Handed(Upgraded);

impl AsyncRead for Handed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut read = hyper::rt::ReadBuf::new(room.initialize_unfilled());
        ready!(Pin::new(&mut self.0).poll_read(context, read.unfilled()))?;
        let count = read.filled().len();
        room.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Handed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
