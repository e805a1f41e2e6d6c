//! A stream on a WebSocket: a text for each event.

use std::{future::poll_fn, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    event::{Event, PING_PERIOD},
    hub::{Seat, stream::End},
    serve::places::Place,
    wire::Opening,
};

const TOGETHER_MAX: usize = 64;
/// What a reader says means nothing; it may not say much.
const SAID_BYTES_MAX: usize = 4096;
/// Says that the event after which the reader wants to go on is not kept any more.
const STALE: &str = "{\"pubsub_stale\": true}";

/// Why it is over, for those who have to do with it.
enum Over {
    Ended(End),
    /// The reader is gone, or reads nothing.
    Gone,
}

/// Writes a stream to its end; `early` has come already.
pub(super) async fn run<I: AsyncRead + AsyncWrite + Unpin>(
    mut io: I,
    early: Bytes,
    opening: Opening,
    stall: Duration,
    _place: Place,
) {
    let Opening {
        head,
        mut seat,
        preface,
        ..
    } = opening;
    if !matches!(
        timeout(stall, io.write_all(head.as_bytes())).await,
        Ok(Ok(()))
    ) {
        return;
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(SAID_BYTES_MAX))
        .max_frame_size(Some(SAID_BYTES_MAX));
    let mut socket =
        WebSocketStream::from_partially_read(io, early.to_vec(), Role::Server, Some(config)).await;
    let over = async {
        if preface.is_some() {
            send(&mut socket, Message::text(STALE), stall).await?;
        }
        while let Some(events) = seat.take_past().await {
            for event in events {
                // A new ACL may have come since they were looked up.
                if seat.stream().takes(&event) {
                    send(&mut socket, message(&event), stall).await?;
                }
            }
        }
        follow(&mut socket, &seat, stall).await
    };
    if let Err(Over::Ended(end)) = over.await {
        let (code, reason) = match end {
            End::Closed => (CloseCode::Away, "the gateway stops"),
            End::TooSlow => (CloseCode::Policy, "too slow"),
        };
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        // Who does not hear it notices the end of the connection.
        drop(timeout(stall, socket.close(Some(frame))).await);
    }
}

async fn follow<I: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<I>,
    seat: &Seat,
    stall: Duration,
) -> Result<(), Over> {
    let mut pings = interval(PING_PERIOD);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut taken = Vec::new();
        tokio::select! {
            _ = pings.tick() => send(socket, Message::Ping(Bytes::new()), stall).await?,
            // Pings and closes of the reader are answered by the way.
            said = socket.next() => if !matches!(said, Some(Ok(_))) {
                return Err(Over::Gone);
            },
            took = poll_fn(|context| seat.poll_take(&mut taken, TOGETHER_MAX, context)) => {
                took.map_err(Over::Ended)?;
            }
        }
        for event in &taken {
            send(socket, message(event), stall).await?;
        }
        seat.note_delivered(taken.len());
    }
}

fn message(event: &Arc<Event>) -> Message {
    Message::text(event.line().trim_end())
}

async fn send<I: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<I>,
    message: Message,
    stall: Duration,
) -> Result<(), Over> {
    match timeout(stall, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Over::Gone),
    }
}
