//! A request as it comes in, and the way back to whoever asks.

use std::{fmt, pin::Pin};

use futures_core::Stream;

use crate::transport::{Message, TransportFuture};

/// Requests that come in, until the transport is drained.
pub type Requests = Pin<Box<dyn Stream<Item = Request> + Send>>;

/// A request as it comes in.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The request.
    pub message: Message,
    /// The way back.
    pub reply: Box<dyn Reply>,
}

impl Request {
    /// A request, and the way back to whoever asks.
    #[must_use]
    pub fn new(message: Message, reply: impl Reply) -> Self {
        Self {
            message,
            reply: Box::new(reply),
        }
    }
}

/// The way back to whoever asks.
///
/// Where nobody takes the request any more, the reply has the headers [`ERROR`](crate::transport::header::ERROR) and
/// [`GONE`](crate::transport::header::GONE), and whoever asks may ask somebody else. Dropped without a reply, the requester hears nothing, or an error at once where the transport can tell.
pub trait Reply: fmt::Debug + Send + Sync + 'static {
    /// Sends the reply, once at most. With the header [`ERROR`](crate::transport::header::ERROR) it says why there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be sent; whether the requester still waits for it is not known.
    fn send<'a>(&'a self, reply: &'a Message) -> TransportFuture<'a, ()>;
}
