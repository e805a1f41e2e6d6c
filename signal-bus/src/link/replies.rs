//! Replies as messages: how they are written, and what they say to whoever asks.

use std::sync::Arc;

use crate::{
    link::{
        codecs::read,
        links::{Link, Links},
    },
    signal::{AnyValue, Kind, headers::Headers},
    transport::{Message, TransportError, header},
};

/// What a reply says.
pub(crate) enum Said {
    Value(Arc<AnyValue>),
    /// The responder has failed; why, in words.
    Failed(String),
    /// The responder had left before: nobody has the request.
    Gone,
    /// It cannot be read as what was asked for, and is of this type.
    OtherType(String),
}

impl Links {
    /// Writes a reply to a request.
    pub(crate) fn reply(
        &self,
        link: &Link,
        request: &Message,
        value: &AnyValue,
        kind: Kind,
    ) -> Result<Message, TransportError> {
        let known = self.codecs.needed(
            kind,
            format_args!("travel as a reply on `{}`", request.topic),
        )?;
        let encoding = link.connection.encoding();
        let payload = encoding.encode(&known.codec, value)?;
        let content_type = known.content_type(encoding);
        let headers = self
            .of_reply(request)
            .with(header::CONTENT_TYPE, content_type);
        Ok(Message::new(Arc::clone(&request.topic), payload, headers))
    }

    /// Says that there is no reply, and why.
    pub(crate) fn no_reply(&self, request: &Message, reason: &str) -> Message {
        // A header is one line.
        let reason = reason.split(['\r', '\n', '\0']).map(str::trim);
        let reason = reason.filter(|line| !line.is_empty());
        let reason = reason.collect::<Vec<_>>().join("; ");
        let headers = self.of_reply(request).with(header::ERROR, reason);
        Message::new(Arc::clone(&request.topic), "", headers)
    }

    /// Says that nobody here has taken a request, because whoever would have has just left.
    pub(crate) fn gone(&self, request: &Message) -> Message {
        let reason = format!("nobody replies on `{}` here any more", request.topic);
        let mut reply = self.no_reply(request, &reason);
        reply.headers = reply.headers.with(header::GONE, "1");
        reply
    }

    fn of_reply(&self, request: &Message) -> Headers {
        let headers = Headers::new().with(header::ID, self.next_id());
        let Some(parent) = request.id() else {
            return headers;
        };
        let root = request.headers.get(header::ROOT).unwrap_or(parent);
        headers
            .with(header::PARENT, parent)
            .with(header::ROOT, root)
    }

    /// Reads a reply as the type that was asked for.
    pub(crate) fn said(&self, reply: &Message, wants: Kind) -> Result<Said, TransportError> {
        if reply.headers.get(header::GONE).is_some() {
            return Ok(Said::Gone);
        }
        if let Some(reason) = reply.headers.get(header::ERROR) {
            return Ok(Said::Failed(reason.to_owned()));
        }
        let known = self
            .codecs
            .needed(wants, format_args!("be read from a reply"))?;
        Ok(match (read(&known.codec, reply), reply.type_name()) {
            (Ok(value), _) => Said::Value(value),
            (Err(_), Some(name)) if name != wants.name => Said::OtherType(name.to_owned()),
            (Err(error), _) => Said::Failed(format!("there is a reply, but {error}")),
        })
    }
}
