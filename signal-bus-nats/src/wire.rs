//! Messages as NATS carries them.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    mem, panic,
    sync::{Arc, Mutex, PoisonError},
};

use async_nats::{
    HeaderMap, HeaderValue,
    header::{HeaderName, NATS_MESSAGE_ID},
};
use bytes::Bytes;
use serde::{
    Deserialize as _,
    de::{IntoDeserializer as _, value},
};
use signal_bus::{
    Headers,
    transport::{Message, TransportError, TransportFault, header},
};

use crate::subject::Subjects;

/// The first line of headers, and the empty one behind them: they count as payload.
const FRAME: usize = "NATS/1.0\r\n\r\n".len();
/// What stands around each header.
const AROUND: usize = ": \r\n".len();
/// What the name of a header begins with that says what another one is to the last blank: NATS leaves those at its ends out.
const EXACT: &str = "Signal-Exact-";
/// What then stands before and after the text.
const EDGE: char = '|';

/// Most ids are not longer.
const ID_ROOM: usize = 64;

/// The name by which a stream tells doubles.
pub(crate) const NATS_MSG_ID: &str = "Nats-Msg-Id";
/// A name that needs no memory of its own.
const CONTENT_TYPE: HeaderName = HeaderName::from_static(header::CONTENT_TYPE);

/// The headers of a message. Its id has the name by which a stream tells doubles.
pub(crate) fn headers(message: &Message) -> HeaderMap {
    plain(message).unwrap_or_else(|| all(message))
}

/// Those that most messages have: the content type, and the id behind it.
///
/// `None` if there are others, or the client would not have them so.
fn plain(message: &Message) -> Option<HeaderMap> {
    let mut id = String::with_capacity(ID_ROOM);
    let content_type = message.plain(&mut id)?;
    let mut headers = HeaderMap::new();
    headers.insert(joined(content_type)?, unbroken(id));
    Some(headers)
}

thread_local! {
    /// The content type of the message before, and what it is joined to: mostly it is the same again.
    static LAST: RefCell<(&'static str, Option<HeaderName>)> = const { RefCell::new(("", None)) };
}

/// A content type and the name of the id as one name: the client, which hashes, copies and writes each header by itself, has half to do.
/// On the wire they are two headers, each on a line of its own.
fn joined(content_type: &'static str) -> Option<HeaderName> {
    LAST.with_borrow_mut(|last| {
        if last.0 != content_type {
            *last = (content_type, join(content_type));
        }
        last.1.clone()
    })
}

/// What was joined: as much as there are content types, which are kept as well.
static JOINED: Mutex<BTreeMap<&str, Option<&str>>> = Mutex::new(BTreeMap::new());

fn join(content_type: &'static str) -> Option<HeaderName> {
    let mut all = JOINED.lock().unwrap_or_else(PoisonError::into_inner);
    let name = all.entry(content_type).or_insert_with(|| {
        let name = format!("{}: {content_type}\r\n{NATS_MSG_ID}", header::CONTENT_TYPE);
        let name: &str = name.leak();
        // A client that looks closer at what it takes gets them one by one.
        let taken = panic::catch_unwind(|| HeaderName::from_static(name)).is_ok();
        (taken && !is_cut(content_type)).then_some(name)
    });
    name.map(HeaderName::from_static)
}

/// A text, which is known to have no line breaks: the client would look at each of its letters again.
fn unbroken(text: String) -> HeaderValue {
    let read: Result<_, value::Error> = HeaderValue::deserialize(text.into_deserializer());
    read.expect("a text is read as one")
}

fn all(message: &Message) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, text) in message.headers.iter() {
        match name {
            header::ID => headers.insert(NATS_MESSAGE_ID, text),
            header::CONTENT_TYPE => headers.insert(CONTENT_TYPE, text),
            _ => headers.insert(name, text),
        }
        if is_cut(text) {
            headers.insert(format!("{EXACT}{name}"), format!("{EDGE}{text}{EDGE}"));
        }
    }
    headers
}

/// Whether blanks at the ends of a text would be left out.
fn is_cut(text: &str) -> bool {
    let ends = [text.as_bytes().first(), text.as_bytes().last()];
    let plain = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    !ends.into_iter().all(plain) && text.trim().len() < text.len()
}

/// What the server counts of headers and payload.
pub(crate) fn size(headers: &HeaderMap, payload: &Bytes) -> usize {
    let all = headers.iter().flat_map(|(name, texts)| {
        let name: &str = name.as_ref();
        texts
            .iter()
            .map(move |text| name.len() + text.as_str().len() + AROUND)
    });
    let headers: usize = all.sum();
    payload.len() + if headers == 0 { 0 } else { headers + FRAME }
}

/// Checks that the server takes so much.
pub(crate) fn check_size(size: usize, limit: usize, topic: &str) -> Result<(), TransportError> {
    if size <= limit {
        return Ok(());
    }
    let reason = format!(
        "a message of {size} bytes on `{topic}` is more than the server takes: its `max_payload` is {limit}"
    );
    Err(TransportError::new(
        TransportFault::TooLarge { size, limit },
        reason,
    ))
}

/// A message that has come in; `None` if it is none of this bus's topics.
pub(crate) fn message(subjects: &Subjects, carried: &async_nats::Message) -> Option<Message> {
    let topic = subjects.topic(&carried.subject)?.into();
    Some(read(topic, carried))
}

/// A message that has come in for a topic.
pub(crate) fn read(topic: Arc<str>, carried: &async_nats::Message) -> Message {
    Message::new(topic, carried.payload.clone(), said(carried))
}

/// The same, where the payload may go along: another share of it would be counted where the client counts its own.
pub(crate) fn take(topic: Arc<str>, carried: &mut async_nats::Message) -> Message {
    Message::new(topic, mem::take(&mut carried.payload), said(carried))
}

fn said(carried: &async_nats::Message) -> Headers {
    let headers = carried.headers.as_ref();
    headers.map(read_headers).unwrap_or_default()
}

fn read_headers(carried: &HeaderMap) -> Headers {
    if let Some(usual) = usual(carried) {
        return usual.into_iter().collect();
    }
    let mut all = Vec::with_capacity(carried.len());
    let (mut id, mut exact) = (None, Vec::new());
    for (name, texts) in carried.iter() {
        let name: &str = name.as_ref();
        // Of several texts of a name the first counts.
        let Some(text) = texts.first().map(HeaderValue::as_str) else {
            continue;
        };
        match name {
            NATS_MSG_ID => id = Some((header::ID, text)),
            _ => match name.strip_prefix(EXACT) {
                None => all.push((name, text)),
                Some(name) => {
                    let text = text
                        .strip_prefix(EDGE)
                        .and_then(|text| text.strip_suffix(EDGE));
                    exact.extend(text.map(|text| (name, text)));
                }
            },
        }
    }
    // What comes later counts more.
    all.extend(id);
    all.extend(exact);
    all.into_iter().collect()
}

/// The headers of most messages: two, and their texts as they are.
fn usual(carried: &HeaderMap) -> Option<[(&str, &str); 2]> {
    if carried.len() != 2 {
        return None;
    }
    let mut all = carried.iter().map(|(name, texts)| {
        let name = match name.as_ref() {
            NATS_MSG_ID => header::ID,
            name => Some(name).filter(|name| !name.starts_with(EXACT) && *name != header::ID)?,
        };
        Some((name, texts.first()?.as_str()))
    });
    Some([all.next()??, all.next()??])
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use signal_bus::{
        Headers,
        transport::{Message, header},
    };

    use super::{check_size, headers, size};
    use crate::subject::Subjects;

    #[test]
    fn what_counts_is_what_stands_on_the_wire() {
        let message = Message::new("t", "12345", Headers::new().with("A", "b"));
        let headers = headers(&message);
        assert_eq!(
            size(&headers, &message.payload),
            "NATS/1.0\r\nA: b\r\n\r\n12345".len()
        );
        assert_eq!(
            size(&async_nats::HeaderMap::new(), &Bytes::from_static(b"12")),
            2
        );
    }

    #[test]
    fn the_limit_itself_is_taken() {
        assert!(check_size(10, 10, "t").is_ok());
        let error = check_size(11, 10, "t").unwrap_err().to_string();
        assert!(
            error.contains("11 bytes on `t`") && error.contains("10"),
            "{error}"
        );
    }

    #[test]
    fn blanks_at_the_ends_of_a_text_come_back() {
        for text in ["  in and  around ", " ", "\t", "\u{a0}x", "plain", "", "|"] {
            let message = Message::new("t", "", Headers::new().with("Name", text));
            let headers = headers(&message);
            // What a client reads of it.
            let read = headers.iter().map(|(name, texts)| {
                let text = texts[0].as_str().trim();
                (name.clone(), async_nats::HeaderValue::from(text))
            });
            let carried = async_nats::Message {
                subject: "t".into(),
                reply: None,
                payload: Bytes::new(),
                headers: Some(read.collect()),
                status: None,
                description: None,
                length: 0,
            };
            let came = super::message(&Subjects::default(), &carried).unwrap();
            assert_eq!(came.headers, message.headers, "{text:?}");
        }
    }

    #[test]
    fn a_stream_knows_a_message_by_its_id() {
        let message = Message::new("t", "", Headers::new().with(header::ID, "n-1"));
        let with = headers(&message);
        assert_eq!(
            with.get("Nats-Msg-Id").map(async_nats::HeaderValue::as_str),
            Some("n-1")
        );
        assert_eq!(with.len(), 1);
    }
}
