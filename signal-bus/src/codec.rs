//! The codec slot of a declaration: how a signal's type becomes bytes, and comes back.
//!
//! Local delivery never looks at it; transports do. It is filled where the type can be serialised and the feature
//! `serde` is on, by the same preference of inherent methods as in [`probe`](crate::forms::probe).

use std::{fmt, marker::PhantomData};

use crate::topic::Topic;

/// Serialises and deserialises the signals of one type, in any format serde knows.
#[derive(Clone, Copy)]
#[cfg_attr(
    all(
        feature = "serde",
        not(feature = "messagepack"),
        not(feature = "postcard"),
        not(test)
    ),
    expect(
        dead_code,
        reason = "transports read the slot, and JSON has a way of its own; the local bus fills it and never looks"
    )
)]
pub struct Codec {
    #[cfg(feature = "serde")]
    pub(crate) as_serialize: fn(&crate::signal::AnyValue) -> Option<&dyn erased_serde::Serialize>,
    #[cfg(feature = "serde")]
    pub(crate) deserialize:
        fn(
            &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<std::sync::Arc<crate::signal::AnyValue>, erased_serde::Error>,
    #[cfg(feature = "transport")]
    pub(crate) json: Json,
}

/// As JSON, which most travel as, a value is written and read without asking at each of its parts what it is.
#[cfg(feature = "transport")]
#[derive(Clone, Copy)]
pub(crate) struct Json {
    /// `None` if the value is of another type.
    pub(crate) write: fn(&crate::signal::AnyValue, &mut Page) -> Option<serde_json::Result<()>>,
    pub(crate) read: fn(&[u8]) -> serde_json::Result<std::sync::Arc<crate::signal::AnyValue>>,
}

/// Where a value is written.
#[cfg(feature = "transport")]
#[derive(Default)]
pub(crate) struct Page(pub(crate) bytes::BytesMut);

#[cfg(feature = "transport")]
impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Codec")
    }
}

/// Stands for the type of a topic, to be asked for its codec.
pub struct CodecProbe<T: ?Sized>(PhantomData<fn() -> Box<T>>);
/// Stands for a type that may be a reference.
pub struct MaybeBorrowed<T: ?Sized>(PhantomData<fn() -> Box<T>>);
/// Stands for a reference, which can be serialised but not deserialised.
#[derive(Debug)]
pub struct Borrowed;

impl<T: ?Sized> fmt::Debug for CodecProbe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodecProbe")
    }
}

impl<T: ?Sized> fmt::Debug for MaybeBorrowed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaybeBorrowed")
    }
}

/// Asks a topic's type for its codec.
#[must_use]
pub fn codec<T: ?Sized>(_topic: Topic<T>) -> MaybeBorrowed<T> {
    MaybeBorrowed(PhantomData)
}

impl<U: ?Sized> MaybeBorrowed<&'static U> {
    /// A reference has no codec: the choice of a method does not look at lifetimes, so it would be taken for one that has.
    #[must_use]
    pub fn owned(self) -> Borrowed {
        Borrowed
    }
}

/// Every other type is asked.
pub trait OwnedType<T: ?Sized>: Sized {
    /// The same type.
    fn owned(self) -> CodecProbe<T> {
        CodecProbe(PhantomData)
    }
}

impl<T: ?Sized> OwnedType<T> for MaybeBorrowed<T> {}

#[cfg(feature = "serde")]
impl<T> CodecProbe<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    /// The codec of a type that can be serialised.
    #[must_use]
    pub fn codec(self) -> Option<Codec> {
        use std::sync::Arc;
        Some(Codec {
            as_serialize: |value| Some(value.downcast_ref::<T>()? as &dyn erased_serde::Serialize),
            deserialize: |bytes| Ok(Arc::new(erased_serde::deserialize::<T>(bytes)?)),
            #[cfg(feature = "transport")]
            json: Json {
                write: |value, page| Some(serde_json::to_writer(page, value.downcast_ref::<T>()?)),
                read: |bytes| Ok(Arc::new(serde_json::from_slice::<T>(bytes)?)),
            },
        })
    }
}

/// Every other type has none.
pub trait NoCodec: Sized {
    /// Nothing.
    fn codec(self) -> Option<Codec> {
        None
    }
}

impl<T: ?Sized> NoCodec for CodecProbe<T> {}
impl NoCodec for Borrowed {}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::{NoCodec as _, OwnedType as _, codec};
    use crate::{signal::AnyValue, topic::Topic};

    #[test]
    fn a_type_that_can_be_serialised_goes_there_and_back() {
        let codec = codec(Topic::<Vec<u8>>::new("bytes"))
            .owned()
            .codec()
            .unwrap();
        let value: &AnyValue = &vec![1_u8, 2];
        let json = serde_json::to_string((codec.as_serialize)(value).unwrap()).unwrap();
        assert_eq!(json, "[1,2]");
        let mut json = serde_json::Deserializer::from_str(&json);
        let back = (codec.deserialize)(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut json));
        assert_eq!(back.unwrap().downcast_ref::<Vec<u8>>(), Some(&vec![1, 2]));
        assert!((codec.as_serialize)(&"another type").is_none());
    }

    #[test]
    fn a_type_that_cannot_has_no_codec() {
        struct Opaque;
        assert!(
            codec(Topic::<Opaque>::new("opaque"))
                .owned()
                .codec()
                .is_none()
        );
        assert!(
            codec(Topic::<&'static str>::new("text"))
                .owned()
                .codec()
                .is_none()
        );
    }
}
