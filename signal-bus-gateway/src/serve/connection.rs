//! One connection, from its first byte to its end, or until a stream takes it.
//!
//! hyper reads requests and writes answers. A stream needs none of that, and hyper's buffers are larger than a stream; so when
//! one begins, its request stays without an answer, hyper gives the connection back, and the stream writes on it by itself.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    net::IpAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request,
    body::{Body as _, Incoming},
    server::conn::http1::{Builder, Connection},
    service::service_fn,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    time::{Instant, Sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    serve::{
        framing::Phase,
        talk::{Talk, Watched},
    },
    wire::{Asked, Desk, Opening, Reply, answer::Answer},
};

/// What comes of a body that nobody wants is read up to here, so that the connection can go on.
const REST_BYTES_MAX: usize = 1024 * 1024;
/// For so long is read what a client still sends after the last answer.
const LINGER: Duration = Duration::from_secs(1);
/// hyper's own limit for a head, and no more.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From the first byte to the end of a head; also before the first byte of a connection.
    pub(crate) head: Duration,
    pub(crate) body: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
    /// While nobody reads what is written.
    pub(crate) stall: Duration,
}

/// What becomes of a connection.
pub(super) enum Outcome<I> {
    Ended,
    /// With what was read behind the request.
    Stream(I, Bytes, Box<Opening>),
}

/// Answers requests until the connection ends, or a stream takes it.
pub(super) async fn talk<I>(
    io: I,
    peer: IpAddr,
    desk: Arc<Desk>,
    patience: Patience,
    closing: &CancellationToken,
) -> Outcome<I>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let talk = Talk::new();
    let count = AtomicU64::new(0);
    let service = {
        let talk = talk.clone();
        service_fn(move |request: Request<Incoming>| {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            let asked = Asked {
                request,
                peer,
                is_ambiguous: talk.is_ambiguous(number),
                is_malformed: talk.is_malformed(number),
            };
            answer(Arc::clone(&desk), asked, talk.clone())
        })
    };
    let connection = Builder::new()
        // Who has said all may still listen.
        .half_close(true)
        .title_case_headers(true)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(Watched::new(io, talk.clone()), service);
    let mut driver = Driver {
        connection,
        rest: None,
        rest_bytes: 0,
    };
    let mut limit = pin!(sleep_until(deadline(&talk, patience)));
    let mut stopped = pin!(closing.cancelled());
    let mut is_stopping = false;
    let opening = poll_fn(|context| {
        if !is_stopping && stopped.as_mut().poll(context).is_ready() {
            is_stopping = true;
            if matches!(talk.phase().0, Phase::Silent | Phase::Head) {
                // hyper would wait for the request that has not come.
                return Poll::Ready(None);
            }
            Pin::new(&mut driver.connection).graceful_shutdown();
        }
        if driver.poll(&talk, context).is_ready() {
            return Poll::Ready(None);
        }
        if let Some(opening) = talk.taken_over() {
            return Poll::Ready(Some(opening));
        }
        poll_deadline(limit.as_mut(), &talk, patience, context).map(|()| None)
    });
    match opening.await {
        Some(opening) => {
            let parts = driver.connection.into_parts();
            Outcome::Stream(parts.io.into_inner(), parts.read_buf, opening)
        }
        None => {
            let io = driver.connection.into_parts().io.into_inner();
            timeout(LINGER, linger(io)).await.unwrap_or_default();
            Outcome::Ended
        }
    }
}

/// Reads what still comes: a connection that is closed before that resets the other side, which then loses the last answer.
async fn linger<I: AsyncRead + Unpin>(mut io: I) {
    let mut bytes = [0; 1024];
    let mut left = REST_BYTES_MAX;
    while let Ok(count @ 1..) = io.read(&mut bytes).await {
        left = left.saturating_sub(count);
        if left == 0 {
            return;
        }
    }
}

async fn answer(desk: Arc<Desk>, asked: Asked, talk: Talk) -> Result<Answer, Infallible> {
    match desk.reply(asked).await {
        Reply::Answer(answer, rest) => {
            if let Some(rest) = rest.filter(|rest| !rest.is_end_stream()) {
                talk.leave_rest(rest);
            }
            Ok(answer)
        }
        Reply::Stream(opening) => {
            talk.hand_over(opening);
            pending().await
        }
    }
}

/// hyper's part of a connection, and what it reads for nobody.
struct Driver<I, S>
where
    S: hyper::service::HttpService<Incoming>,
{
    connection: Connection<Watched<I>, S>,
    rest: Option<Incoming>,
    rest_bytes: usize,
}

impl<I, S> Driver<I, S>
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
    S: hyper::service::HttpService<
            Incoming,
            ResBody = crate::wire::answer::Content,
            Error = Infallible,
        > + Unpin,
{
    /// Goes on with the connection until it ends.
    fn poll(&mut self, talk: &Talk, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Poll::Ready(ended) = Pin::new(&mut self.connection).poll(context) {
                if let Err(error) = ended {
                    tracing::debug!("a connection ends: {error}");
                }
                return Poll::Ready(());
            }
            if let Some(rest) = talk.take_rest() {
                self.rest = Some(rest);
                self.rest_bytes = 0;
            }
            // What is read here makes room for more, which hyper is asked for in the next turn.
            if !self.skip_rest(context) {
                return Poll::Pending;
            }
        }
    }

    /// Reads of a body that nobody wants; says whether it has read anything.
    fn skip_rest(&mut self, context: &mut Context<'_>) -> bool {
        let Some(rest) = &mut self.rest else {
            return false;
        };
        match Pin::new(rest).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.rest_bytes += frame.data_ref().map_or(0, Bytes::len);
                if REST_BYTES_MAX < self.rest_bytes {
                    self.rest = None;
                }
                true
            }
            Poll::Ready(_) => {
                self.rest = None;
                true
            }
            Poll::Pending => false,
        }
    }
}

/// Until when the client has to go on.
fn deadline(talk: &Talk, patience: Patience) -> Instant {
    let (phase, since) = talk.phase();
    let asked = since
        + match phase {
            Phase::Silent | Phase::Head => patience.head,
            Phase::Body => patience.body,
            Phase::Between => patience.idle,
        };
    let answered = talk.blocked().map(|blocked| blocked + patience.stall);
    answered.map_or(asked, |answered| answered.min(asked))
}

fn poll_deadline(
    mut limit: Pin<&mut Sleep>,
    talk: &Talk,
    patience: Patience,
    context: &mut Context<'_>,
) -> Poll<()> {
    let deadline = deadline(talk, patience);
    if limit.deadline() != deadline {
        limit.as_mut().reset(deadline);
    }
    limit
        .poll(context)
        .map(|()| tracing::debug!("a client is too slow, and is disconnected"))
}
