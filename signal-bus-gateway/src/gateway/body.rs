//! What a request is answered with: a text, or a stream of signals.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use signal_bus::{BusHandle, Listener};

use crate::mutex::lock;

/// The body of an answer of a [`Gateway`](crate::Gateway).
///
/// A stream is one frame for each signal. It ends when the bus has closed, and breaks off with [`TooSlow`] when its reader was too
/// slow; dropping it leaves the bus.
pub struct GatewayBody(Content);

/// Why a stream breaks off: more signals waited for its reader than may.
///
/// A server that gets it closes the connection without an end to the body, so that the reader knows that it has missed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reader of the stream is too slow")]
#[non_exhaustive]
pub struct TooSlow;

enum Content {
    Whole(Option<Bytes>),
    Stream {
        pipe: Pipe,
        /// Fills the pipe, as long as this is here.
        _listener: Listener,
        closed: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    },
}

impl fmt::Debug for GatewayBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayBody").finish_non_exhaustive()
    }
}

impl GatewayBody {
    pub(super) fn whole(text: String) -> Self {
        Self(Content::Whole(Some(text.into())))
    }

    pub(super) fn empty() -> Self {
        Self(Content::Whole(None))
    }

    pub(super) fn stream(pipe: Pipe, listener: Listener, bus: BusHandle) -> Self {
        Self(Content::Stream {
            pipe,
            _listener: listener,
            closed: Box::pin(async move { drop(bus.closed().await) }),
        })
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = TooSlow;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooSlow>>> {
        let next = match &mut self.0 {
            Content::Whole(text) => Poll::Ready(text.take().map(Ok)),
            Content::Stream { pipe, closed, .. } => match pipe.poll_next(context) {
                Poll::Pending => closed.as_mut().poll(context).map(|()| pipe.left().map(Ok)),
                next => next,
            },
        };
        next.map(|next| next.map(|text| text.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(text) => {
                let length = text.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(length.try_into().expect("an answer is short"))
            }
            Content::Stream { .. } => SizeHint::default(),
        }
    }
}

/// What waits for one reader.
#[derive(Clone, Debug)]
pub(super) struct Pipe(Arc<Mutex<Waiting>>);

#[derive(Debug)]
struct Waiting {
    texts: VecDeque<Bytes>,
    max: usize,
    is_over: bool,
    /// And the reader has not been told.
    is_too_slow: bool,
    waker: Option<Waker>,
}

impl Pipe {
    pub(super) fn new(max: usize) -> Self {
        Self(Arc::new(Mutex::new(Waiting {
            texts: VecDeque::new(),
            max,
            is_over: false,
            is_too_slow: false,
            waker: None,
        })))
    }

    /// Puts a text in, and never waits; one too many ends the stream.
    pub(super) fn push(&self, text: Bytes) {
        let mut waiting = lock(&self.0);
        if waiting.is_over {
            return;
        }
        if waiting.texts.len() == waiting.max {
            waiting.is_over = true;
            waiting.is_too_slow = true;
            tracing::warn!("a stream is disconnected: its reader is too slow");
        } else {
            waiting.texts.push_back(text);
        }
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
    }

    fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, TooSlow>>> {
        let mut waiting = lock(&self.0);
        match waiting.texts.pop_front() {
            Some(text) => Poll::Ready(Some(Ok(text))),
            None if std::mem::take(&mut waiting.is_too_slow) => Poll::Ready(Some(Err(TooSlow))),
            None if waiting.is_over => Poll::Ready(None),
            None => {
                waiting.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// What is left when nothing more can come.
    fn left(&self) -> Option<Bytes> {
        let mut waiting = lock(&self.0);
        waiting.is_over = true;
        waiting.texts.pop_front()
    }
}
