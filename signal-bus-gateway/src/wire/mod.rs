//! What is answered to a request: the contract of PyPubSub 0.7.4, with the deviations that the README names.

pub(crate) mod answer;
mod publish;
mod subscribe;
mod window;

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use hyper::{
    Method, Request, Version,
    body::Incoming,
    header::{AUTHORIZATION, CONNECTION, HOST, HeaderMap},
};

use tokio_util::sync::CancellationToken;

pub(crate) use crate::wire::subscribe::Opening;
use crate::{
    access::payloaders::Payloaders,
    config::Compat,
    hub::Hub,
    login::Logins,
    topic::decode,
    wire::answer::{Answer, Text},
};

/// PyPubSub's HTTP server takes no longer target.
const TARGET_BYTES_MAX: usize = 8190;

/// Where requests are answered: all that an answer depends on.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) hub: Hub,
    pub(crate) logins: Logins,
    pub(crate) payloaders: Payloaders,
    pub(crate) oldschoolers: Vec<Box<str>>,
    pub(crate) secure_topics: HashSet<Box<str>>,
    pub(crate) payload_bytes_max: usize,
    pub(crate) compat: Compat,
    pub(crate) requests: AtomicU64,
    /// The gateway stops.
    pub(crate) closing: CancellationToken,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Reply {
    /// An answer, and what nobody has read of the request's body.
    Answer(Answer, Option<Incoming>),
    /// The connection belongs to a stream from now on.
    Stream(Box<Opening>),
}

/// What stands in the head of every answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    /// Streams that were open before the request.
    pub(crate) subscribers: usize,
    /// Requests so far, with this one.
    pub(crate) requests: u64,
}

/// A request as it has come in.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) request: Request<Incoming>,
    pub(crate) peer: IpAddr,
    /// It says twice, and differently, how long its body is.
    pub(crate) is_ambiguous: bool,
}

impl Desk {
    /// Answers a request.
    pub(crate) async fn reply(&self, asked: Asked) -> Reply {
        let Asked {
            request,
            peer,
            is_ambiguous,
        } = asked;
        let counts = Counts {
            subscribers: self.hub.streams_count(),
            requests: self.requests.fetch_add(1, Ordering::Relaxed) + 1,
        };
        let is_closing = wants_close(request.headers());
        let (head, body) = request.into_parts();
        let refuse = |text: Text| answer::plain(text, counts, true);
        if is_ambiguous && self.compat == Compat::Strict
            || is_unheard_of(&head.method)
            || has_bad_host(&head.headers, head.version)
        {
            return Reply::Answer(refuse(Text::BadRequest), None);
        }
        let is_path = head.uri.path().starts_with('/') && head.uri.path().is_ascii();
        let is_short = head
            .uri
            .path_and_query()
            .is_none_or(|target| target.as_str().len() <= TARGET_BYTES_MAX);
        let takes_path = matches!(
            head.method,
            Method::GET | Method::HEAD | Method::PUT | Method::POST
        );
        if takes_path && !is_path || !is_short {
            return Reply::Answer(refuse(Text::BadRequest), None);
        }
        let path = decode(head.uri.path());
        if matches!(head.method, Method::GET) {
            if let Some(answer) = window::look(self, &path, counts, is_closing) {
                return Reply::Answer(answer, Some(body));
            }
        }
        let authorization = head
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let client = self.logins.client(authorization).await;
        match head.method {
            Method::PUT | Method::POST => {
                let wish = publish::Wish {
                    head: &head,
                    path: &path,
                    peer,
                    rights: &client.rights,
                };
                let (text, rest) = publish::publish(self, wish, body).await;
                Reply::Answer(answer::plain(text, counts, is_closing), rest)
            }
            Method::GET if head.version == Version::HTTP_10 => {
                Reply::Answer(answer::no_stream(counts), None)
            }
            Method::GET => {
                match subscribe::open(self, &head, &path, &client, counts, is_closing).await {
                    Some(opening) => Reply::Stream(Box::new(opening)),
                    None => Reply::Answer(refuse(Text::BadRequest), None),
                }
            }
            Method::HEAD => Reply::Answer(answer::empty(counts, is_closing), Some(body)),
            _ => Reply::Answer(
                answer::plain(Text::BadRequest, counts, is_closing),
                Some(body),
            ),
        }
    }
}

fn wants_close(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case("close"))
}

/// PyPubSub's HTTP server closes on these.
fn is_unheard_of(method: &Method) -> bool {
    !matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::PUT
            | Method::POST
            | Method::OPTIONS
            | Method::DELETE
            | Method::PATCH
            | Method::TRACE
            | Method::CONNECT
    )
}

/// One host is named, or none by an old client.
fn has_bad_host(headers: &HeaderMap, version: Version) -> bool {
    match headers.get_all(HOST).iter().count() {
        0 => version == Version::HTTP_11,
        1 => false,
        _ => true,
    }
}
