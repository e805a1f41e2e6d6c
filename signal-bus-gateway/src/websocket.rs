//! A WebSocket (RFC 6455), for both windows: the handshake, what a reader may say, and for how long it may read nothing.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::header::{HeaderMap, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Interval, MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::event::PING_PERIOD;

/// What a reader says means nothing; it may not say much.
const SAID_BYTES_MAX: usize = 4096;

/// Whether a request wants the connection for a WebSocket.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

/// What proves that we have read the request, or what is wrong with it.
pub(crate) fn accepted(headers: &HeaderMap) -> Result<String, String> {
    let value = |name| headers.get(name).map_or(&[][..], |value| value.as_bytes());
    if value(SEC_WEBSOCKET_VERSION) != b"13" {
        return Err("expected `Sec-WebSocket-Version: 13`".to_owned());
    }
    let key = value(SEC_WEBSOCKET_KEY);
    if key.len() != 24 {
        return Err("expected a `Sec-WebSocket-Key` of 24 letters".to_owned());
    }
    Ok(derive_accept_key(key))
}

/// Why nothing can be sent any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The reader has left, or says what no reader may.
    Left,
    /// It has read nothing for too long.
    ReadsNothing,
}

/// The writing side of a WebSocket, behind its handshake.
#[derive(Debug)]
pub(crate) struct Socket<I> {
    stream: WebSocketStream<I>,
    /// For so long a reader may read nothing.
    stall: Duration,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Socket<I> {
    /// Takes a connection; `early` has come already.
    pub(crate) async fn new(io: I, early: Bytes, stall: Duration) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(SAID_BYTES_MAX))
            .max_frame_size(Some(SAID_BYTES_MAX));
        let (early, role) = (early.to_vec(), Role::Server);
        let stream = WebSocketStream::from_partially_read(io, early, role, Some(config));
        Self {
            stream: stream.await,
            stall,
        }
    }

    /// Sends a line, without its end.
    pub(crate) async fn line(&mut self, line: &str) -> Result<(), Gone> {
        self.send(Message::text(line.trim_end())).await
    }

    /// Sends a sign of life.
    pub(crate) async fn ping(&mut self) -> Result<(), Gone> {
        self.send(Message::Ping(Bytes::new())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        match timeout(self.stall, self.stream.send(message)).await {
            Ok(sent) => sent.map_err(|_| Gone::Left),
            Err(_) => Err(Gone::ReadsNothing),
        }
    }

    /// Waits until the reader says anything, which means nothing; pings and closes are answered by the way.
    pub(crate) async fn heard(&mut self) -> Result<(), Gone> {
        match self.stream.next().await {
            Some(Ok(_)) => Ok(()),
            _ => Err(Gone::Left),
        }
    }

    /// Says why it is over. Who does not hear it notices the end of the connection.
    pub(crate) async fn close(mut self, code: CloseCode, reason: &'static str) {
        let reason = Utf8Bytes::from_static(reason);
        let closing = self.stream.close(Some(CloseFrame { code, reason }));
        drop(timeout(self.stall, closing).await);
    }
}

/// When signs of life are due.
pub(crate) fn pings() -> Interval {
    let mut pings = interval(PING_PERIOD);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::SinkExt as _;
    use tokio::io::duplex;
    use tokio_tungstenite::{
        WebSocketStream,
        tungstenite::{Message, protocol::Role},
    };

    use super::{Gone, SAID_BYTES_MAX, Socket};

    const STALL: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_reader_may_say_a_little_and_not_much() {
        let (client, server) = duplex(1024 * 1024);
        let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
        let mut socket = Socket::new(server, Bytes::new(), STALL).await;
        for (bytes, expected) in [
            (SAID_BYTES_MAX, Ok(())),
            (SAID_BYTES_MAX + 1, Err(Gone::Left)),
        ] {
            let said = client.send(Message::text("x".repeat(bytes))).await;
            said.expect("there is room for it");
            assert_eq!(socket.heard().await, expected, "{bytes}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_reads_nothing_is_gone() {
        let (_client, server) = duplex(10);
        let mut socket = Socket::new(server, Bytes::new(), STALL).await;
        let start = tokio::time::Instant::now();
        let said = socket.line("{\"more\": \"than fits\"}\n").await;
        assert_eq!(said, Err(Gone::ReadsNothing));
        assert_eq!(start.elapsed(), STALL);
    }
}
