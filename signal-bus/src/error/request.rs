//! Requests without a reply.

use std::{any::type_name, fmt, time::Duration};

use crate::error::publish::PublishError;

/// A request that got no reply. Where nobody has got it, it gives the request back.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RequestError<T> {
    /// Nobody is there who replies; told at once, and nobody has got the request.
    #[error("nobody replies on `{topic}`{}: {}", though(.heard), how(.topic))]
    NoResponders {
        /// The request.
        request: T,
        /// The topic it was meant for.
        topic: Box<str>,
        /// How many subscriptions of this bus hear the topic, and do not reply.
        heard: usize,
    },
    /// It was refused as a publish would be; nobody has got it, unless the error is a transport's that does not know.
    #[error("{0}")]
    Refused(#[source] PublishError<T>),
    /// A handler asks, and only a handler could reply that waits for its reply itself: there would never be one.
    #[error(
        "a request on `{topic}` would wait for itself: its responder handles one signal at a time, and waits for the reply of \
         the handler that asks; give one of them `concurrency`, or ask from a task of `signal_bus::spawn`"
    )]
    Circle {
        /// The request.
        request: T,
        /// The topic it was meant for.
        topic: Box<str>,
    },
    /// There was no reply in time. A responder may have got the request, and handle it all the same.
    #[error("no reply on `{topic}` within {after:?}")]
    TimedOut {
        /// The topic of the request.
        topic: Box<str>,
        /// How long it was waited for.
        after: Duration,
    },
    /// Whoever had the request has failed, or has ended without a reply.
    #[error("the request on `{topic}` has failed: {reason}")]
    Failed {
        /// The topic of the request.
        topic: Box<str>,
        /// The responder's error, or what became of the request, in words.
        reason: Box<str>,
    },
    /// The replies on the topic are of another type.
    #[error("replies on `{topic}` are `{found}`, not `{wanted}`")]
    TypeMismatch {
        /// The topic of the request.
        topic: Box<str>,
        /// The type that was asked for.
        wanted: &'static str,
        /// The type of the replies.
        found: Box<str>,
    },
    /// The bus is closed, or has closed before there was a reply.
    #[error("the bus is closed")]
    Closed {
        /// The request, if nobody has got it.
        request: Option<T>,
    },
}

impl<T> RequestError<T> {
    /// Takes back the request, if nobody has got it.
    #[must_use]
    pub fn into_request(self) -> Option<T> {
        match self {
            Self::NoResponders { request, .. } | Self::Circle { request, .. } => Some(request),
            Self::Refused(error) => Some(error.into_signal()),
            Self::Closed { request } => request,
            Self::TimedOut { .. } | Self::Failed { .. } | Self::TypeMismatch { .. } => None,
        }
    }

    /// What it is as a publish that was refused.
    pub(crate) fn refused(error: PublishError<T>) -> Self {
        match error {
            PublishError::Closed(request) => Self::Closed {
                request: Some(request),
            },
            error => Self::Refused(error),
        }
    }

    /// A reply of type `found`, where `Rep` was wanted.
    pub(crate) fn mismatch<Rep: ?Sized>(topic: &str, found: &str) -> Self {
        Self::TypeMismatch {
            topic: topic.into(),
            wanted: type_name::<Rep>(),
            found: found.into(),
        }
    }

    pub(crate) fn failed(topic: &str, reason: impl Into<Box<str>>) -> Self {
        Self::Failed {
            topic: topic.into(),
            reason: reason.into(),
        }
    }
}

impl<T> fmt::Debug for RequestError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestError({self})")
    }
}

/// Who hears a request without a reply.
fn though(heard: &usize) -> String {
    match heard {
        0 => String::new(),
        1 => ", though 1 subscription hears it".into(),
        several => format!(", though {several} subscriptions hear it"),
    }
}

/// How somebody would reply.
fn how(topic: &str) -> String {
    format!(
        "add `reply` to a subscriber, `#[subscriber(\"{topic}\", reply)]`, or call `bus.respond`"
    )
}
