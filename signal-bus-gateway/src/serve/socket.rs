//! A stream on a WebSocket: a text for each event.

use std::{future::poll_fn, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::{
    hub::{Seat, stream::End},
    serve::places::Place,
    websocket::{Gone, Socket, pings},
    wire::Opening,
};

const TOGETHER_MAX: usize = 64;
/// Says that the event after which the reader wants to go on is not kept any more.
const STALE: &str = "{\"pubsub_stale\": true}";

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
    let mut socket = Socket::new(io, early, stall).await;
    let over = async {
        if preface.is_some() {
            sent(&seat, socket.line(STALE)).await?;
        }
        while let Some(events) = seat.take_past().await {
            for event in events {
                // A new ACL may have come since they were looked up.
                if seat.stream().takes(&event) {
                    sent(&seat, socket.line(event.line())).await?;
                }
            }
        }
        follow(&mut socket, &seat).await
    };
    match over.await {
        Ok(End::Closed) => socket.close(CloseCode::Away, "the gateway stops").await,
        Ok(End::TooSlow) => socket.close(CloseCode::Policy, "too slow").await,
        Err(_) => {}
    }
}

/// Writes what comes, until there will be nothing more.
async fn follow<I: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<I>,
    seat: &Seat,
) -> Result<End, Gone> {
    let mut pings = pings();
    loop {
        let mut taken = Vec::new();
        tokio::select! {
            _ = pings.tick() => sent(seat, socket.ping()).await?,
            said = socket.heard() => said?,
            took = poll_fn(|context| seat.poll_take(&mut taken, TOGETHER_MAX, context)) => {
                if let Err(end) = took {
                    return Ok(end);
                }
            }
        }
        for event in &taken {
            sent(seat, socket.line(event.line())).await?;
        }
        seat.note_delivered(taken.len());
    }
}

/// Waits until something is sent, unless the reader turns out to be too slow.
async fn sent(seat: &Seat, sending: impl Future<Output = Result<(), Gone>>) -> Result<(), Gone> {
    let sent = tokio::select! {
        biased;
        sent = sending => sent,
        () = seat.stream().cut_off() => Err(Gone::ReadsNothing),
    };
    if sent == Err(Gone::ReadsNothing) {
        seat.give_up();
    }
    sent
}
