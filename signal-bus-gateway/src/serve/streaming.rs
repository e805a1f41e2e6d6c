//! A stream: a head, what was asked for of the past, and then events and signs of life until somebody ends it.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::{Instant, Sleep, sleep, timeout},
};

use crate::{
    clock,
    event::{Event, Form, PING_PERIOD, ping},
    hub::{Seat, stream::End},
    serve::places::Place,
    wire::Opening,
};

/// So many events are written at once, if so many wait.
const TOGETHER_MAX: usize = 64;
/// The end of a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Writes a stream to its end.
pub(super) async fn run<I: AsyncRead + AsyncWrite + Unpin>(
    io: I,
    opening: Opening,
    stall: Duration,
    _place: Place,
) {
    let Opening {
        head,
        seat,
        form,
        preface,
    } = opening;
    let mut stream = Streaming {
        io,
        seat,
        form,
        stall,
    };
    if let Err(error) = stream.run(head, preface).await {
        tracing::debug!("a stream ends: {error}");
    }
}

struct Streaming<I> {
    io: I,
    seat: Seat,
    form: Form,
    stall: Duration,
}

/// What a stream has to do next.
enum Next {
    Ping,
    Write,
    End(End),
    /// The reader is gone.
    Gone,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Streaming<I> {
    async fn run(&mut self, head: String, preface: Option<Bytes>) -> io::Result<()> {
        self.write(&mut [Bytes::from(head), preface.unwrap_or_default()])
            .await?;
        while let Some(events) = self.seat.take_past().await {
            self.write_events(&events).await?;
        }
        self.write(&mut [ping(clock::now(), self.form)]).await?;
        let mut pause = Box::pin(sleep(PING_PERIOD));
        let mut taken = Vec::new();
        loop {
            match poll_fn(|context| self.poll_next(pause.as_mut(), &mut taken, context)).await {
                Next::Ping => {
                    pause.as_mut().reset(Instant::now() + PING_PERIOD);
                    self.write(&mut [ping(clock::now(), self.form)]).await?;
                }
                Next::Write => {
                    self.write_events(&taken).await?;
                    taken = Vec::new();
                }
                Next::End(End::Closed) => {
                    self.write(&mut [Bytes::from_static(LAST_CHUNK)]).await?;
                    return self.io.shutdown().await;
                }
                // Without an end to the body, so that the reader knows that it has missed something.
                Next::End(End::TooSlow) | Next::Gone => return Ok(()),
            }
        }
    }

    fn poll_next(
        &mut self,
        pause: Pin<&mut Sleep>,
        taken: &mut Vec<Arc<Event>>,
        context: &mut Context<'_>,
    ) -> Poll<Next> {
        // Signs of life first: they come on time even while events flow.
        if pause.poll(context).is_ready() {
            return Poll::Ready(Next::Ping);
        }
        match self.seat.poll_take(taken, TOGETHER_MAX, context) {
            Poll::Ready(Ok(())) => return Poll::Ready(Next::Write),
            Poll::Ready(Err(end)) => return Poll::Ready(Next::End(end)),
            Poll::Pending => {}
        }
        self.poll_gone(context).map(|()| Next::Gone)
    }

    /// Waits until the reader closes the connection; what it sends means nothing.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 512];
        loop {
            let mut read = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.io).poll_read(context, &mut read) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }

    async fn write_events(&mut self, events: &[Arc<Event>]) -> io::Result<()> {
        let chunks = events.iter().map(|event| event.chunk(self.form).clone());
        self.write(&mut chunks.collect::<Vec<_>>()).await?;
        self.seat.note_delivered(events.len());
        Ok(())
    }

    /// Writes all of it, unless the reader turns out to be too slow.
    async fn write(&mut self, chunks: &mut [Bytes]) -> io::Result<()> {
        let writing = write_all(&mut self.io, chunks, self.stall);
        let written = tokio::select! {
            biased;
            written = writing => written,
            () = self.seat.stream().cut_off() => Err(io::ErrorKind::TimedOut.into()),
        };
        if written
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
        {
            self.seat.give_up();
        }
        written
    }
}

/// Writes all of it; each of them may end in the middle of a packet, but none is put together with another.
async fn write_all<I: AsyncWrite + Unpin>(
    io: &mut I,
    mut chunks: &mut [Bytes],
    stall: Duration,
) -> io::Result<()> {
    while let Some(first) = chunks.first() {
        if first.is_empty() {
            chunks = &mut chunks[1..];
            continue;
        }
        let writing = poll_fn(|context| poll_write(io, chunks, context));
        let mut written = timeout(stall, writing).await??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        for chunk in chunks.iter_mut() {
            let part = chunk.len().min(written);
            chunk.advance(part);
            written -= part;
        }
    }
    io.flush().await
}

/// Writes what it can. The slices stand on the stack, and not in each of many streams while it waits.
fn poll_write<I: AsyncWrite + Unpin>(
    io: &mut I,
    chunks: &[Bytes],
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut slices = [io::IoSlice::new(&[]); TOGETHER_MAX];
    let count = chunks.len().min(TOGETHER_MAX);
    for (slice, chunk) in slices.iter_mut().zip(chunks) {
        *slice = io::IoSlice::new(chunk);
    }
    Pin::new(io).poll_write_vectored(context, &slices[..count])
}
