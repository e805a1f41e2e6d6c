//! What is answered to a request: the contract of PyPubSub 0.7.4, with the deviations that the README names.

pub(crate) mod answer;
mod publish;
mod socket;
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
    header::{AUTHORIZATION, CONNECTION, HOST, HeaderMap, TRANSFER_ENCODING},
    http::request::Parts,
};

use tokio_util::sync::CancellationToken;

pub(crate) use crate::wire::subscribe::Opening;
use crate::{
    access::payloaders::Payloaders,
    backlog::store::Damage,
    config::Compat,
    hub::Hub,
    login::{Client, Logins},
    topic::decode,
    wire::{
        answer::{Answer, Said, Text},
        subscribe::NoStream,
    },
};

/// PyPubSub's HTTP server takes no longer target.
const TARGET_BYTES_MAX: usize = 8190;

/// Where requests are answered: all that an answer depends on.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) hub: Hub,
    /// What could not be read of the backlog's file at the start.
    pub(crate) damage: Damage,
    pub(crate) logins: Logins,
    pub(crate) payloaders: Payloaders,
    pub(crate) oldschoolers: Vec<Box<str>>,
    pub(crate) secure_topics: HashSet<Box<str>>,
    pub(crate) payload_bytes_max: usize,
    pub(crate) compat: Compat,
    pub(crate) requests: AtomicU64,
    /// Clients for whom there was no room.
    pub(crate) turned_away: AtomicU64,
    /// How often a client could not be let in, for want of an open file.
    pub(crate) not_admitted: AtomicU64,
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
    /// Its head is none to PyPubSub's HTTP server, and to others that are strict.
    pub(crate) is_malformed: bool,
}

/// How an answer begins and ends, whatever it says.
#[derive(Debug, Clone, Copy)]
struct Frame {
    counts: Counts,
    is_closing: bool,
}

impl Desk {
    /// Answers a request.
    pub(crate) async fn reply(&self, asked: Asked) -> Reply {
        let counts = Counts {
            subscribers: self.hub.streams_count(),
            requests: self.requests.fetch_add(1, Ordering::Relaxed) + 1,
        };
        if self.is_unsound(&asked) {
            return Reply::Answer(answer::plain(Text::BadRequest, counts, true), None);
        }
        let frame = Frame {
            counts,
            is_closing: wants_close(asked.request.headers()),
        };
        let (head, body) = asked.request.into_parts();
        let path = decode(head.uri.path());
        if let Some(answer) = window::look(self, &head.method, &path, frame) {
            return Reply::Answer(answer, Some(body));
        }
        let authorization = head.headers.get(AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok());
        let client = self.logins.client(authorization).await;
        match head.method {
            Method::PUT | Method::POST => {
                let wish = publish::Wish {
                    head: &head,
                    path: &path,
                    peer: asked.peer,
                    rights: &client.rights,
                };
                let (text, rest) = publish::publish(self, wish, body).await;
                Reply::Answer(answer::plain(text, counts, frame.is_closing), rest)
            }
            Method::GET if head.version == Version::HTTP_10 => {
                Reply::Answer(answer::no_stream(counts), None)
            }
            Method::GET => self.stream(&head, &path, &client, frame).await,
            Method::HEAD => Reply::Answer(answer::empty(counts, frame.is_closing), Some(body)),
            _ => {
                let answer = answer::plain(Text::BadRequest, counts, frame.is_closing);
                Reply::Answer(answer, Some(body))
            }
        }
    }

    async fn stream(&self, head: &Parts, path: &str, client: &Client, frame: Frame) -> Reply {
        let no_stream = |text| Reply::Answer(answer::plain(text, frame.counts, true), None);
        if let Some(topics) = window::events(path) {
            return match subscribe::open_events(self, head, topics, client, frame).await {
                Ok(opening) => Reply::Stream(Box::new(opening)),
                Err(NoStream::Behind) => no_stream(Text::Behind),
                Err(NoStream::Asked(fault)) => {
                    let said = Said::plain(400, &format!("{fault}\n"));
                    Reply::Answer(answer::said(said, frame.counts, true), None)
                }
            };
        }
        match subscribe::open(self, head, path, client, frame).await {
            Ok(opening) => Reply::Stream(Box::new(opening)),
            Err(text) => no_stream(text),
        }
    }

    /// Whether a request is none that one goes on talking after.
    fn is_unsound(&self, asked: &Asked) -> bool {
        let request = &asked.request;
        let (method, uri) = (request.method(), request.uri());
        let is_path = uri.path().starts_with('/') && uri.path().is_ascii();
        let takes_path = matches!(
            *method,
            Method::GET | Method::HEAD | Method::PUT | Method::POST
        );
        let target = uri.path_and_query().map_or("", |target| target.as_str());
        asked.is_malformed
            || asked.is_ambiguous && self.compat == Compat::Strict
            || is_unheard_of(method)
            || has_bad_host(request.headers(), request.version())
            || is_packed(request.headers())
            || takes_path && !is_path
            || TARGET_BYTES_MAX < target.len()
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

/// PyPubSub's HTTP server closes on other methods than these; most of them are for shared folders.
const METHODS: [&str; 35] = [
    "GET",
    "HEAD",
    "PUT",
    "POST",
    "OPTIONS",
    "DELETE",
    "PATCH",
    "TRACE",
    "CONNECT",
    "ACL",
    "BIND",
    "CHECKOUT",
    "COPY",
    "LINK",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "NOTIFY",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
];

fn is_unheard_of(method: &Method) -> bool {
    !METHODS.contains(&method.as_str())
}

/// Whether a body comes in another way than in chunks: nobody here would unpack it.
fn is_packed(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(b"chunked");
    match (encodings.next(), encodings.next()) {
        (None, _) => false,
        (Some(encoding), None) => !is_chunked(encoding.as_bytes()),
        (Some(_), Some(_)) => true,
    }
}

/// One host is named, or none by an old client.
fn has_bad_host(headers: &HeaderMap, version: Version) -> bool {
    match headers.get_all(HOST).iter().count() {
        0 => version == Version::HTTP_11,
        1 => false,
        _ => true,
    }
}
