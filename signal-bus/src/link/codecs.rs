//! How the values of each type become bytes.

use std::{fmt, sync::Arc};

use crate::{
    codec::{Codec, OwnedType as _, codec},
    error::transport::{TransportError, TransportFault},
    registry::{publisher::PublisherEntry, subscriber::SubscriberEntry},
    signal::{AnyValue, Kind, Payload, by_type::ByType, plain},
    topic::Topic,
    transport::{Encoding, Message, header, message::content_type},
};

/// The codecs of all types that annotated functions publish or take, and of those that were named beside.
#[derive(Default, Debug)]
pub(crate) struct Codecs(ByType<Known>);

/// How the values of a type become bytes.
#[derive(Debug)]
pub(crate) struct Known {
    kind: Kind,
    pub(crate) codec: Codec,
    /// What is said of the payload in a header, by encoding.
    content_types: Vec<(Encoding, &'static str)>,
}

impl Known {
    fn new(kind: Kind, codec: Codec) -> Self {
        let all = Encoding::ALL.iter();
        let content_types = all.map(|one| {
            let text = content_type(one.content_type(), kind.name);
            (*one, plain::keep(&text))
        });
        Self {
            kind,
            codec,
            content_types: content_types.collect(),
        }
    }

    pub(crate) fn content_type(&self, encoding: Encoding) -> &'static str {
        let mut all = self.content_types.iter();
        let found = all.find(|(one, _)| *one == encoding);
        found.map_or_else(|| encoding.content_type(), |(_, text)| text)
    }
}

impl Codecs {
    pub(crate) fn new(
        publishers: &[PublisherEntry],
        subscribers: &[SubscriberEntry],
        beside: &[(Kind, Codec)],
    ) -> Self {
        let replies = subscribers.iter();
        let publishers = publishers.iter().map(|one| (one.kind, one.codec));
        let subscribers = subscribers.iter().map(|one| (one.kind, one.codec));
        let replies = replies.filter_map(|one| one.replies);
        let replies = replies.map(|(kind, codec)| (Some(kind), codec));
        let declared = publishers.chain(subscribers).chain(replies);
        let declared = declared.filter_map(|(kind, codec)| Some((kind?, codec?)));
        let all = declared.chain(beside.iter().copied());
        Self(
            all.map(|(kind, codec)| (kind.id, Known::new(kind, codec)))
                .collect(),
        )
    }

    /// The codec of a type that is to do something; the error says what it lacks.
    pub(crate) fn needed(
        &self,
        kind: Kind,
        to: fmt::Arguments<'_>,
    ) -> Result<&Known, TransportError> {
        self.0.get(&kind.id).ok_or_else(|| {
            let name = kind.name;
            let reason = format!(
                "`{name}` cannot {to}: it needs `Serialize` and `DeserializeOwned`, and an annotated function that publishes \
                 or takes it, or `Bus::carry::<{name}>()`"
            );
            TransportError::new(TransportFault::Unfit, reason)
        })
    }

    /// The type of a name, if the program has one that can be read.
    pub(crate) fn named(&self, name: &str) -> Option<Kind> {
        let mut all = self.0.values();
        let found = all.find(|known| known.kind.name == name);
        found.map(|known| known.kind)
    }
}

/// The value of a message, which is JSON unless it says otherwise.
pub(crate) fn read(codec: &Codec, message: &Message) -> Result<Arc<AnyValue>, TransportError> {
    let encoding = match message.headers.get(header::CONTENT_TYPE) {
        None => Encoding::Json,
        Some(content_type) => Encoding::of_content_type(content_type)?,
    };
    encoding.decode(codec, &message.payload)
}

/// The codec of a type.
pub(crate) fn carried<T>() -> (Kind, Codec)
where
    T: Payload + Sized + serde::Serialize + serde::de::DeserializeOwned,
{
    let codec = codec(Topic::<T>::unchecked("")).owned().codec();
    (Kind::of::<T>(), codec.expect("it can be serialised"))
}
