//! A stream of signals on a WebSocket: a text for each.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::{
    rt::{Read as _, Write as _},
    upgrade::{OnUpgrade, Upgraded},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{event::PING_PERIOD, gateway::body::GatewayBody};

/// How long a reader may read nothing.
const STALL: Duration = Duration::from_secs(30);
/// What a reader says means nothing; it may not say much.
const SAID_BYTES_MAX: usize = 4096;

/// The reader is gone, or reads nothing.
struct Gone;

/// Writes a stream to its end, on the connection that the server hands over.
pub(super) async fn run(handing: OnUpgrade, mut signals: GatewayBody) {
    let handed = match handing.await {
        Ok(handed) => handed,
        Err(error) => return tracing::debug!("a WebSocket does not begin: {error}"),
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(SAID_BYTES_MAX))
        .max_frame_size(Some(SAID_BYTES_MAX));
    let mut socket =
        WebSocketStream::from_raw_socket(Handed(handed), Role::Server, Some(config)).await;
    if let Err(Gone) = follow(&mut socket, &mut signals).await {
        return;
    }
    let (code, reason) = if signals.was_too_slow() {
        (CloseCode::Policy, "too slow")
    } else {
        (CloseCode::Away, "the bus is closed")
    };
    let reason = Utf8Bytes::from_static(reason);
    // Who does not hear it notices the end of the connection.
    drop(timeout(STALL, socket.close(Some(CloseFrame { code, reason }))).await);
}

async fn follow(
    socket: &mut WebSocketStream<Handed>,
    signals: &mut GatewayBody,
) -> Result<(), Gone> {
    let mut pings = interval(PING_PERIOD);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            _ = pings.tick() => Message::Ping(bytes::Bytes::new()),
            // Pings and closes of the reader are answered by the way.
            said = socket.next() => match said {
                Some(Ok(_)) => continue,
                _ => return Err(Gone),
            },
            frame = signals.frame() => match frame.map(|Ok(frame)| frame.into_data()) {
                Some(Ok(line)) => message(&line),
                _ => return Ok(()),
            },
        };
        let sent = timeout(STALL, socket.send(message)).await;
        sent.map_err(|_| Gone)?.map_err(|_| Gone)?;
    }
}

fn message(line: &[u8]) -> Message {
    Message::text(String::from_utf8_lossy(line).trim_end())
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
