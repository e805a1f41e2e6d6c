//! Replies as messages: how they are written, and what they say to whoever asks.

use std::sync::Arc;

use crate::{
    guarded::caught,
    link::links::{Link, Links},
    signal::{AnyValue, Kind, headers::Headers},
    transport::{Encoding, Message, TransportError, TransportFault, header, message::content_type},
};

/// What a reply says.
pub(crate) enum Said {
    Value(Arc<AnyValue>),
    /// The responder has failed; why, in words.
    Failed(String),
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
        let codec = self.codecs.needed(
            kind,
            format_args!("travel as a reply on `{}`", request.topic),
        )?;
        let encoding = link.connection.encoding();
        let payload = caught(|| encoding.encode(codec, value)).unwrap_or_else(|panic| {
            let reason = format!("cannot write the payload: its `Serialize` panicked: {panic}");
            Err(TransportError::new(TransportFault::Unfit, reason))
        })?;
        let headers = self.of_reply(request).with(
            header::CONTENT_TYPE,
            content_type(encoding.content_type(), kind.name),
        );
        Ok(Message::new(&*request.topic, payload, headers))
    }

    /// Says that there is no reply, and why.
    pub(crate) fn no_reply(&self, request: &Message, reason: &str) -> Message {
        // A header is one line.
        let reason = reason.split(['\r', '\n', '\0']).map(str::trim);
        let reason = reason.filter(|line| !line.is_empty());
        let reason = reason.collect::<Vec<_>>().join("; ");
        let headers = self.of_reply(request).with(header::ERROR, reason);
        Message::new(&*request.topic, "", headers)
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
        if let Some(reason) = reply.headers.get(header::ERROR) {
            return Ok(Said::Failed(reason.to_owned()));
        }
        let codec = self
            .codecs
            .needed(wants, format_args!("be read from a reply"))?;
        let encoding = match reply.headers.get(header::CONTENT_TYPE) {
            None => Ok(Encoding::Json),
            Some(content_type) => Encoding::of_content_type(content_type),
        };
        let read = encoding.and_then(|encoding| {
            let read = caught(|| encoding.decode(codec, &reply.payload));
            read.unwrap_or_else(|panic| {
                let reason = format!("its `Deserialize` panicked: {panic}");
                Err(TransportError::new(TransportFault::Unfit, reason))
            })
        });
        Ok(match (read, reply.type_name()) {
            (Ok(value), _) => Said::Value(value),
            (Err(_), Some(name)) if name != wants.name => Said::OtherType(name.to_owned()),
            (Err(error), _) => Said::Failed(format!("there is a reply, but {error}")),
        })
    }
}
