//! A connection as hyper reads and writes it, and as it is watched meanwhile.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use hyper::{
    body::Incoming,
    rt::{Read, ReadBufCursor, Write},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::{
    mutex::lock,
    serve::framing::{Framing, Phase},
    wire::Opening,
};

/// So many bytes are read at once; they stay on the stack.
const READ_BYTES_MAX: usize = 8 * 1024;

/// What is known of a connection, by those who read it, answer on it, and watch it.
#[derive(Debug, Clone)]
pub(super) struct Talk(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    framing: Framing,
    /// When the phase of the framing began.
    since: Instant,
    /// Whether all that was answered has left.
    is_flushed: bool,
    /// Since when the client has not read what is written.
    blocked: Option<Instant>,
    /// A stream that waits for the connection.
    opening: Option<Box<Opening>>,
    /// A body that nobody wants, on its way in.
    rest: Option<Incoming>,
}

impl Talk {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            framing: Framing::new(),
            since: Instant::now(),
            is_flushed: true,
            blocked: None,
            opening: None,
            rest: None,
        })))
    }

    /// What is being read, and since when.
    pub(super) fn phase(&self) -> (Phase, Instant) {
        let inner = lock(&self.0);
        (inner.framing.phase(), inner.since)
    }

    /// Since when the client reads nothing, if something is written.
    pub(super) fn blocked(&self) -> Option<Instant> {
        lock(&self.0).blocked
    }

    pub(super) fn is_ambiguous(&self, request: u64) -> bool {
        lock(&self.0).framing.is_ambiguous(request)
    }

    pub(super) fn is_malformed(&self, request: u64) -> bool {
        lock(&self.0).framing.is_malformed(request)
    }

    pub(super) fn hand_over(&self, opening: Box<Opening>) {
        lock(&self.0).opening = Some(opening);
    }

    /// The stream that takes the connection, once everything before it has left.
    ///
    /// hyper reads on only behind a flush, today; what it holds back would be lost.
    pub(super) fn taken_over(&self) -> Option<Box<Opening>> {
        let mut inner = lock(&self.0);
        if inner.is_flushed {
            inner.opening.take()
        } else {
            None
        }
    }

    pub(super) fn leave_rest(&self, rest: Incoming) {
        lock(&self.0).rest = Some(rest);
    }

    pub(super) fn take_rest(&self) -> Option<Incoming> {
        lock(&self.0).rest.take()
    }

    fn note_write(&self, is_blocked: bool) {
        let mut inner = lock(&self.0);
        inner.is_flushed = false;
        if is_blocked {
            inner.blocked.get_or_insert_with(Instant::now);
        } else {
            inner.blocked = None;
        }
    }

    fn note_read(&self, bytes: &[u8]) {
        let mut inner = lock(&self.0);
        let before = inner.framing.phase();
        inner.framing.read(bytes);
        // Between two requests that come in one piece there is no time.
        if inner.framing.phase() != before || inner.framing.phase() == Phase::Between {
            inner.since = Instant::now();
        }
    }
}

/// Input and output of a connection, for hyper.
#[derive(Debug)]
pub(super) struct Watched<I> {
    io: I,
    talk: Talk,
}

impl<I> Watched<I> {
    pub(super) fn new(io: I, talk: Talk) -> Self {
        Self { io, talk }
    }

    pub(super) fn into_inner(self) -> I {
        self.io
    }
}

impl<I: AsyncRead + Unpin> Read for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_BYTES_MAX];
        let length = room.remaining().min(READ_BYTES_MAX);
        let mut read = ReadBuf::new(&mut bytes[..length]);
        ready!(Pin::new(&mut self.io).poll_read(context, &mut read))?;
        self.talk.note_read(read.filled());
        room.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> Write for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.talk.note_write(written.is_pending());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has nothing more to write.
        ready!(Pin::new(&mut self.io).poll_flush(context))?;
        lock(&self.talk.0).is_flushed = true;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.talk.note_write(written.is_pending());
        written
    }
}
