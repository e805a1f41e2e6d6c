//! How the values of each type become bytes.

use std::{any::TypeId, collections::HashMap, fmt, sync::Arc};

use crate::{
    codec::{Codec, OwnedType as _, codec},
    error::transport::{TransportError, TransportFault},
    registry::{publisher::PublisherEntry, subscriber::SubscriberEntry},
    signal::{AnyValue, Kind, Payload},
    topic::Topic,
    transport::{Encoding, Message, header},
};

/// The codecs of all types that annotated functions publish or take, and of those that were named beside.
#[derive(Default, Debug)]
pub(crate) struct Codecs(HashMap<TypeId, (Kind, Codec)>);

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
        Self(all.map(|(kind, codec)| (kind.id, (kind, codec))).collect())
    }

    /// The codec of a type that is to do something; the error says what it lacks.
    pub(crate) fn needed(
        &self,
        kind: Kind,
        to: fmt::Arguments<'_>,
    ) -> Result<&Codec, TransportError> {
        self.of(kind).ok_or_else(|| {
            let name = kind.name;
            let reason = format!(
                "`{name}` cannot {to}: it needs `Serialize` and `DeserializeOwned`, and an annotated function that publishes \
                 or takes it, or `Bus::carry::<{name}>()`"
            );
            TransportError::new(TransportFault::Unfit, reason)
        })
    }

    fn of(&self, kind: Kind) -> Option<&Codec> {
        self.0.get(&kind.id).map(|(_, codec)| codec)
    }

    /// The type of a name, if the program has one that can be read.
    pub(crate) fn named(&self, name: &str) -> Option<Kind> {
        let mut all = self.0.values();
        all.find(|(kind, _)| kind.name == name)
            .map(|(kind, _)| *kind)
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
