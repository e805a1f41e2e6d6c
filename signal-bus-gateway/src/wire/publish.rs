//! `PUT` and `POST`: who may publish, and what.

use std::net::IpAddr;

use http_body_util::BodyExt as _;
use hyper::{
    body::{Body as _, Incoming},
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    http::request::Parts,
};

use crate::{
    access::acl::Rights,
    clock,
    config::Compat,
    event::Draft,
    hub::Refused,
    json::{Fault, Object},
    topic::{self, TOPICS_MAX},
    wire::{Desk, answer::Text},
};

/// A request to publish.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) head: &'a Parts,
    /// Decoded.
    pub(super) path: &'a str,
    pub(super) peer: IpAddr,
    pub(super) rights: &'a Rights,
}

/// Publishes a body; gives back what it has not read of it.
pub(super) async fn publish(
    desk: &Desk,
    wish: Wish<'_>,
    mut body: Incoming,
) -> (Text, Option<Incoming>) {
    if !may_publish(desk, wish) {
        return (Text::NotAllowed, Some(body));
    }
    let is_told = |name| wish.head.headers.contains_key(name);
    if body.is_end_stream() && !is_told(CONTENT_LENGTH)
        || hides_something(desk, wish.path)
        || is_compressed(wish.head)
    {
        return (Text::BadRequest, Some(body));
    }
    let bytes = match collect(&mut body, desk.payload_bytes_max).await {
        Ok(bytes) => bytes,
        Err(text) => return (text, Some(body)),
    };
    let Some(text) = decoded(bytes, wish.head) else {
        return (Text::BadRequest, None);
    };
    let payload = match Object::read(&text) {
        Ok(payload) => payload,
        Err(Fault::NotJson) => return (Text::BadRequest, None),
        Err(Fault::NotObject) => return (Text::BadPayload, None),
    };
    let draft = Draft::new(payload, wish.path, clock::now());
    let said = match desk.hub.publish(draft).await {
        Ok(()) => Text::Received,
        Err(Refused::Closed) => Text::Closed,
        Err(Refused::NotStored) => Text::NotStored,
        Err(Refused::NotShared) => Text::NotShared,
        Err(Refused::Unknown) => Text::Unknown,
        Err(Refused::TooLarge) => Text::TooLarge,
    };
    (said, None)
}

/// Addresses publish everything but secure topics, and these are published by users, from wherever they are.
fn may_publish(desk: &Desk, wish: Wish<'_>) -> bool {
    let secure = |topic: &&str| desk.secure_topics.contains(*topic);
    let mut secure = topic::split(wish.path).filter(secure).peekable();
    if secure.peek().is_none() {
        return desk.payloaders.contain(wish.peer);
    }
    secure.all(|topic| wish.rights.publish(topic))
}

/// Whether a path names more than anybody means, or looks like what it is not.
fn hides_something(desk: &Desk, path: &str) -> bool {
    TOPICS_MAX < topic::split(path).count()
        || desk.compat == Compat::Strict && topic::has_look_alike(path, &desk.secure_topics)
}

/// What PyPubSub's HTTP server unpacks; other encodings are nothing to it.
const PACKINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

/// Whether a body would have to be unpacked, and might be any size then.
fn is_compressed(head: &Parts) -> bool {
    let packing = head.headers.get(CONTENT_ENCODING);
    let packing = packing.and_then(|packing| packing.to_str().ok());
    packing.is_some_and(|packing| {
        let is_it = |known: &&str| known.eq_ignore_ascii_case(packing.trim());
        PACKINGS.iter().any(is_it)
    })
}

/// The body, if it is not too large: neither by what it says of itself, nor by what comes.
async fn collect(body: &mut Incoming, bytes_max: usize) -> Result<Vec<u8>, Text> {
    let is_told_too_large =
        u64::try_from(bytes_max).is_ok_and(|max| max < body.size_hint().lower());
    if is_told_too_large {
        return Err(Text::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Text::BadRequest);
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes_max < bytes.len() + data.len() {
            return Err(Text::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The text of a body, by the charset that its type names.
fn decoded(bytes: Vec<u8>, head: &Parts) -> Option<String> {
    let content_type = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let parameters = content_type.unwrap_or_default().split(';').skip(1);
    let mut parameters = parameters.filter_map(|parameter| parameter.split_once('='));
    let charset = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let charset = charset.map_or("utf-8", |(_, charset)| charset.trim().trim_matches('"'));
    let is_ascii = bytes.is_ascii();
    match charset
        .to_ascii_lowercase()
        .replace(['_', ' '], "-")
        .as_str()
    {
        "" | "utf-8" | "utf8" | "u8" | "cp65001" => String::from_utf8(bytes).ok(),
        "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" | "l1" => {
            Some(bytes.into_iter().map(char::from).collect())
        }
        "ascii" | "us-ascii" | "646" => String::from_utf8(bytes).ok().filter(|_| is_ascii),
        _ => None,
    }
}
