//! How values become bytes.

use std::{cell::Cell, sync::Arc};

use bytes::{Bytes, BytesMut};

use crate::{
    codec::{Codec, Page},
    error::transport::{TransportError, TransportFault},
    guarded::caught,
    signal::AnyValue,
};

/// So many bytes of payloads share one piece of memory, if they are small: to make one for each costs more than to write it.
const PAGE_SIZE: usize = 4096;
/// With less left a new one is begun; and with more, which was made for a large one, that small ones would keep.
const LEFT_MIN: usize = 256;

thread_local! {
    static PAGE: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// How values become bytes.
///
/// What comes in is read as its own `Content-Type` says, so buses with different encodings understand each other.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Encoding {
    /// JSON, as `serde_json` writes it: the default, for it can be read by everybody.
    #[default]
    Json,
    /// `MessagePack` with the names of the fields, as `rmp-serde` writes it: smaller, and for other languages too.
    #[cfg(feature = "messagepack")]
    MessagePack,
    /// postcard: smallest and fastest, but without names or types. Both sides must have the same type.
    #[cfg(feature = "postcard")]
    Postcard,
}

impl Encoding {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Json,
        #[cfg(feature = "messagepack")]
        Self::MessagePack,
        #[cfg(feature = "postcard")]
        Self::Postcard,
    ];

    /// What it is called in the header `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            #[cfg(feature = "messagepack")]
            Self::MessagePack => "application/vnd.msgpack",
            #[cfg(feature = "postcard")]
            Self::Postcard => "application/x-postcard",
        }
    }

    /// The encoding of a `Content-Type`, whose parameters do not matter.
    ///
    /// # Errors
    ///
    /// If it is none that this program was built with.
    pub fn of_content_type(content_type: &str) -> Result<Self, TransportError> {
        // As a bus writes it.
        let exact = |one: &&Self| {
            let rest = content_type.strip_prefix(one.content_type());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
        };
        if let Some(known) = Self::ALL.iter().find(exact) {
            return Ok(*known);
        }
        let name = content_type.split(';').next().unwrap_or_default().trim();
        let mut all = Self::ALL.iter();
        let known = all.find(|one| one.content_type().eq_ignore_ascii_case(name));
        known.copied().ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|one| one.content_type()).collect();
            unfit(format!(
                "the content type `{content_type}` cannot be read; this program was built with {}",
                known.join(", ")
            ))
        })
    }

    /// Writes a value, whatever its `Serialize` does.
    pub(crate) fn encode(self, codec: &Codec, value: &AnyValue) -> Result<Bytes, TransportError> {
        caught(|| self.write(codec, value)).unwrap_or_else(|panic| {
            let reason = format!("cannot write the payload: its `Serialize` panicked: {panic}");
            Err(unfit(reason))
        })
    }

    fn write(self, codec: &Codec, value: &AnyValue) -> Result<Bytes, TransportError> {
        // Whatever the value does while it is written, another one has a page of its own.
        let mut page = Page(PAGE.try_with(Cell::take).unwrap_or_default());
        page.0.clear();
        match self {
            Self::Json => {
                let written = (codec.json.write)(value, &mut page).ok_or_else(another)?;
                written.map_err(|error| cannot("write", &error))?;
            }
            #[cfg(feature = "messagepack")]
            Self::MessagePack => {
                let mut into = rmp_serde::Serializer::new(&mut page).with_struct_map();
                let written = serde::Serialize::serialize(codec.erased(value)?, &mut into);
                written.map_err(|error| cannot("write", &error))?;
            }
            #[cfg(feature = "postcard")]
            Self::Postcard => {
                let written = postcard::to_extend(codec.erased(value)?, page.0);
                page.0 = written.map_err(|error| cannot("write", &error))?;
            }
        }
        let mut page = page.0;
        let payload = page.split().freeze();
        let is_large = PAGE_SIZE < payload.len();
        if is_large || !(LEFT_MIN..=PAGE_SIZE).contains(&page.capacity()) {
            page = BytesMut::with_capacity(PAGE_SIZE);
        }
        PAGE.try_with(|kept| kept.set(page)).ok();
        Ok(payload)
    }

    /// Reads a value, and nothing but that, whatever its `Deserialize` does.
    pub(crate) fn decode(
        self,
        codec: &Codec,
        bytes: &[u8],
    ) -> Result<Arc<AnyValue>, TransportError> {
        caught(|| self.read(codec, bytes)).unwrap_or_else(|panic| {
            let reason = format!("cannot read the payload: its `Deserialize` panicked: {panic}");
            Err(unfit(reason))
        })
    }

    fn read(self, codec: &Codec, bytes: &[u8]) -> Result<Arc<AnyValue>, TransportError> {
        match self {
            Self::Json => (codec.json.read)(bytes).map_err(|error| cannot("read", &error)),
            #[cfg(feature = "messagepack")]
            Self::MessagePack => {
                let mut rest = bytes;
                let value = codec.read(&mut rmp_serde::Deserializer::new(&mut rest))?;
                match rest.is_empty() {
                    true => Ok(value),
                    false => Err(unfit("cannot read the payload: bytes follow the value")),
                }
            }
            #[cfg(feature = "postcard")]
            Self::Postcard => {
                let mut reader = postcard::Deserializer::from_bytes(bytes);
                let value = codec.read(&mut reader)?;
                let rest = reader.finalize().map_err(|error| cannot("read", &error))?;
                match rest.is_empty() {
                    true => Ok(value),
                    false => Err(unfit("cannot read the payload: bytes follow the value")),
                }
            }
        }
    }
}

#[cfg(any(feature = "messagepack", feature = "postcard"))]
impl Codec {
    fn erased<'value>(
        &self,
        value: &'value AnyValue,
    ) -> Result<&'value dyn erased_serde::Serialize, TransportError> {
        (self.as_serialize)(value).ok_or_else(another)
    }

    fn read<'de, D>(&self, reader: D) -> Result<Arc<AnyValue>, TransportError>
    where
        D: serde::Deserializer<'de>,
    {
        let mut reader = <dyn erased_serde::Deserializer<'_>>::erase(reader);
        (self.deserialize)(&mut reader).map_err(|error| cannot("read", &error))
    }
}

fn another() -> TransportError {
    unfit("the value is not of its topic's type")
}

fn cannot(what: &str, error: &dyn std::error::Error) -> TransportError {
    unfit(format!("cannot {what} the payload: {error}"))
}

fn unfit(reason: impl Into<String>) -> TransportError {
    TransportError::new(TransportFault::Unfit, reason)
}

#[cfg(test)]
mod tests {
    use super::Encoding;
    use crate::{
        codec::{Codec, OwnedType as _, codec},
        topic::Topic,
    };

    type Order = (u64, String, Vec<Option<i8>>);

    fn order() -> Codec {
        let codec = codec(Topic::<Order>::new("orders")).owned().codec();
        codec.expect("it can be serialised")
    }

    #[test]
    fn a_value_comes_back_in_every_encoding() {
        let value: Order = (7, "naïve\n".into(), vec![None, Some(-1)]);
        for encoding in Encoding::ALL {
            let bytes = encoding.encode(&order(), &value).unwrap();
            let back = encoding.decode(&order(), &bytes).unwrap();
            assert_eq!(back.downcast_ref(), Some(&value), "{encoding:?}");
            assert_eq!(
                Encoding::of_content_type(encoding.content_type()),
                Ok(*encoding)
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_says_why() {
        for encoding in Encoding::ALL {
            let mut bytes = encoding
                .encode(&order(), &(7_u64, String::new(), Vec::<Option<i8>>::new()))
                .unwrap()
                .to_vec();
            bytes.push(b'7');
            for wrong in [&bytes[..], b"", b"\xff\xfe"] {
                let error = encoding.decode(&order(), wrong).unwrap_err();
                assert!(error.to_string().starts_with("cannot read"), "{error}");
            }
        }
    }

    #[test]
    fn a_content_type_is_known_by_its_name() {
        let json = "Application/JSON; charset=utf-8";
        assert_eq!(Encoding::of_content_type(json), Ok(Encoding::Json));
        let error = Encoding::of_content_type("image/png").unwrap_err();
        assert!(error.to_string().contains("application/json"), "{error}");
    }
}
