//! Who is asked in a loopback network.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::transport::{TransportError, TransportFault},
    topic::pattern::Pattern,
    transport::{Message, Reply, Request, TransportFuture},
};

/// Requests that wait at a desk at most.
const ROOM: usize = 1024;

/// All who take requests. They take turns.
#[derive(Default, Debug)]
pub(super) struct Desks(Vec<Desk>);

/// Somebody who takes the requests of a pattern.
#[derive(Debug)]
struct Desk {
    pattern: Pattern,
    requests: mpsc::Sender<Request>,
    /// Whether its connection was drained.
    closed: Arc<AtomicBool>,
}

impl Desk {
    fn is_open(&self) -> bool {
        !self.requests.is_closed() && !self.closed.load(Ordering::Acquire)
    }
}

impl Desks {
    pub(super) fn open(
        &mut self,
        pattern: &str,
        closed: &Arc<AtomicBool>,
    ) -> Result<Clerk, TransportError> {
        let pattern = Pattern::new(pattern).map_err(|error| {
            let reason = format!("cannot serve {pattern:?}: {error}");
            TransportError::new(TransportFault::Refused, reason)
        })?;
        let (requests, waiting) = mpsc::channel(ROOM);
        self.0.push(Desk {
            pattern,
            requests,
            closed: Arc::clone(closed),
        });
        Ok(Clerk(waiting))
    }

    /// Hands a request to whoever has its turn.
    pub(super) fn ask(
        &mut self,
        message: &Message,
    ) -> Result<oneshot::Receiver<Message>, TransportError> {
        self.0.retain(Desk::is_open);
        let mut desks = self.0.iter();
        let place = desks.position(|desk| desk.pattern.matches(&message.topic));
        let Some(place) = place else {
            let reason = format!("nobody serves `{}`", message.topic);
            return Err(TransportError::new(TransportFault::NoResponders, reason));
        };
        let desk = self.0.remove(place);
        let (back, replied) = oneshot::channel();
        let request = Request::new(message.clone(), Back(Mutex::new(Some(back))));
        let taken = desk.requests.try_send(request);
        self.0.push(desk);
        taken.map_err(|_| {
            let reason = format!("too many requests wait on `{}`", message.topic);
            TransportError::new(TransportFault::Full, reason)
        })?;
        Ok(replied)
    }

    /// Closes those of a connection: what they have got comes out still.
    pub(super) fn close(&mut self) {
        self.0.retain(Desk::is_open);
    }
}

/// Takes the requests of a desk.
#[derive(Debug)]
pub(super) struct Clerk(mpsc::Receiver<Request>);

impl Stream for Clerk {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Request>> {
        self.0.poll_recv(context)
    }
}

/// The way back to whoever asks.
#[derive(Debug)]
struct Back(Mutex<Option<oneshot::Sender<Message>>>);

impl Reply for Back {
    fn send<'a>(&'a self, reply: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(async {
            let back = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(back) = back {
                // Whoever has given up does not want to know.
                drop(back.send(reply.clone()));
            }
            Ok(())
        })
    }
}
