//! Answers, with PyPubSub's texts, and its headers in their order.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    body::{Body, Frame, SizeHint},
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName,
        HeaderValue, RETRY_AFTER, SERVER,
    },
};

use crate::{clock, wire::Counts};

pub(crate) type Answer = Response<Content>;

/// What PyPubSub calls itself; some clients look.
pub(crate) const NAME: &str = "PyPubSub/0.7.4";
/// In seconds.
const COME_AGAIN_AFTER: &str = "5";
const PLAIN: &str = "text/plain; charset=utf-8";
const SUBSCRIBERS: HeaderName = HeaderName::from_static("x-subscribers");
const REQUESTS: HeaderName = HeaderName::from_static("x-requests");

/// What is said in plain words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    Received,
    BadRequest,
    BadPayload,
    TooLarge,
    NotAllowed,
    /// The gateway stops.
    Closed,
    /// The event could not be stored.
    NotStored,
    /// The event could not be shared with the other gateways.
    NotShared,
    /// The event may be shared with the other gateways, or not.
    Unknown,
    /// This gateway does not know yet what another one has shown.
    Behind,
}

impl Text {
    fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::Received => (
                StatusCode::ACCEPTED,
                "Payload received, thank you very much!\n",
            ),
            Self::BadRequest => (
                StatusCode::BAD_REQUEST,
                "I could not understand your request, sorry! Please see https://pubsub.apache.org/api.html for usage documentation.\n",
            ),
            Self::BadPayload => (
                StatusCode::BAD_REQUEST,
                "Bad payload type. Payloads must be JSON dictionary objects, {..}!\n",
            ),
            Self::TooLarge => (
                StatusCode::BAD_REQUEST,
                "Payload is too large for me to serve, please make it shorter.\n",
            ),
            Self::NotAllowed => (
                StatusCode::FORBIDDEN,
                "You are not authorized to deliver payloads!\n",
            ),
            Self::Closed => (
                StatusCode::SERVICE_UNAVAILABLE,
                "I am about to stop, please send your payload again later.\n",
            ),
            Self::NotStored => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Your payload could not be stored, please send it again later.\n",
            ),
            Self::NotShared => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Your payload could not be shared with the other gateways, and nobody will see it; please send it again later.\n",
            ),
            Self::Unknown => (
                StatusCode::SERVICE_UNAVAILABLE,
                "It is not known whether your payload was shared with the other gateways: it may be shown, or not. Send it again if twice does no harm.\n",
            ),
            Self::Behind => (
                StatusCode::SERVICE_UNAVAILABLE,
                "I do not know yet of the event that you have seen elsewhere, please come again soon.\n",
            ),
        }
    }

    /// Whether to come again soon is of use.
    fn is_passing(self) -> bool {
        matches!(self, Self::NotShared | Self::Unknown | Self::Behind)
    }
}

/// An answer in other words.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) text: String,
}

impl Said {
    pub(crate) fn plain(status: u16, text: &str) -> Self {
        Self {
            status,
            content_type: PLAIN,
            text: text.to_owned(),
        }
    }
}

/// An answer that is no answer of PyPubSub's; pages of other origins may read it.
pub(crate) fn said(said: Said, counts: Counts, is_closing: bool) -> Answer {
    let status = StatusCode::from_u16(said.status).expect("a status has three digits");
    let mut answer = head(status, counts, said.content_type);
    answer
        .headers_mut()
        .insert(CONTENT_LENGTH, said.text.len().into());
    let everybody = HeaderValue::from_static("*");
    answer
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, everybody);
    end_head(&mut answer, is_closing);
    *answer.body_mut() = Content::Sized(said.text.into());
    answer
}

/// An answer in words.
pub(crate) fn plain(text: Text, counts: Counts, is_closing: bool) -> Answer {
    let is_passing = text.is_passing();
    let (status, text) = text.parts();
    let length = text.len().into();
    let mut answer = head(status, counts, PLAIN);
    answer.headers_mut().insert(CONTENT_LENGTH, length);
    if is_passing {
        let seconds = HeaderValue::from_static(COME_AGAIN_AFTER);
        answer.headers_mut().insert(RETRY_AFTER, seconds);
    }
    end_head(&mut answer, is_closing);
    *answer.body_mut() = Content::Sized(Bytes::from_static(text.as_bytes()));
    answer
}

/// The answer to `HEAD`.
pub(crate) fn empty(counts: Counts, is_closing: bool) -> Answer {
    let mut answer = head(StatusCode::NO_CONTENT, counts, PLAIN);
    end_head(&mut answer, is_closing);
    answer
}

/// The answer to a browser that asks what it may ask.
pub(crate) fn preflight(counts: Counts, is_closing: bool) -> Answer {
    let mut answer = head(StatusCode::NO_CONTENT, counts, PLAIN);
    let headers = answer.headers_mut();
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Last-Event-ID"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    end_head(&mut answer, is_closing);
    answer
}

/// What PyPubSub answers to old clients, for whom there are no streams.
pub(crate) fn no_stream(counts: Counts) -> Answer {
    let mut answer = head(StatusCode::OK, counts, "application/octet-stream");
    end_head(&mut answer, false);
    *answer.body_mut() = Content::Endless;
    answer
}

fn head(status: StatusCode, counts: Counts, content_type: &'static str) -> Answer {
    let mut answer = Response::new(Content::Sized(Bytes::new()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static(NAME));
    headers.insert(SUBSCRIBERS, counts.subscribers.into());
    headers.insert(REQUESTS, counts.requests.into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn end_head(answer: &mut Answer, is_closing: bool) {
    let date = HeaderValue::from_str(&clock::http_date());
    let headers = answer.headers_mut();
    headers.insert(DATE, date.expect("a date is plain text"));
    if is_closing {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Content {
    Sized(Bytes),
    /// Nothing, until the connection ends: no length is said.
    Endless,
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Sized(bytes) if !bytes.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))))
            }
            Self::Sized(_) | Self::Endless => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Sized(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Sized(bytes) => {
                SizeHint::with_exact(bytes.len().try_into().expect("texts are short"))
            }
            Self::Endless => SizeHint::default(),
        }
    }
}
