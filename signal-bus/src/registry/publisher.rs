//! Publishers, as the attributes declare them.

use std::marker::PhantomData;

use crate::{
    codec::Codec,
    registry::BusName,
    signal::Kind,
    site::Site,
    topic::{Topic, Traits},
};

/// A publisher's declaration, with the type it publishes.
#[derive(Debug)]
pub struct Publisher<T: ?Sized> {
    entry: PublisherEntry,
    publishes: PhantomData<fn() -> Box<T>>,
}

/// A publisher, with the type as a value.
#[derive(Clone, Debug)]
pub(crate) struct PublisherEntry {
    pub(crate) site: Site,
    /// The topic, or the pattern of the topics that a template can name.
    pub(crate) topic: &'static str,
    /// The topic as it was written.
    pub(crate) written: &'static str,
    pub(crate) kind: Option<Kind>,
    pub(crate) bus: BusName,
    pub(crate) codec: Option<Codec>,
    pub(crate) traits: Traits,
    /// Whether it publishes without waiting, as a plain `fn` has to.
    pub(crate) at_once: bool,
}

impl<T: ?Sized> Publisher<T> {
    /// Declares that the function at `site` publishes on `topic`.
    ///
    /// That the type can travel is checked where it is published, and only there: one mistake, one message.
    #[must_use]
    pub fn new(site: Site, topic: Topic<T>) -> Self
    where
        T: 'static,
    {
        Self {
            entry: PublisherEntry {
                site,
                topic: topic.name(),
                written: topic.name(),
                kind: Some(Kind::of::<T>()),
                bus: BusName::DEFAULT,
                codec: None,
                traits: topic.traits(),
                at_once: false,
            },
            publishes: PhantomData,
        }
    }

    /// The topic as it was written, with holes.
    #[must_use]
    pub fn template(mut self, written: &'static str) -> Self {
        self.entry.written = written;
        self
    }

    /// The bus it belongs to.
    #[must_use]
    pub fn bus(mut self, name: &'static BusName) -> Self {
        self.entry.bus = *name;
        self
    }

    /// How its signals become bytes.
    #[must_use]
    pub fn codec(mut self, codec: Option<Codec>) -> Self {
        self.entry.codec = codec;
        self
    }

    /// Keeps its signals in this bus: no transport and no bridge carries them further.
    #[must_use]
    pub fn local(mut self) -> Self {
        self.entry.traits.local = true;
        self
    }

    /// Says that it publishes without waiting: it is a plain `fn`.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.entry.at_once = true;
        self
    }

    pub(crate) fn entry(self) -> PublisherEntry {
        self.entry
    }
}

/// The declaration of a generic publisher, whose type is known only when it is called.
#[derive(Debug)]
pub struct UntypedPublisher(PublisherEntry);

impl UntypedPublisher {
    /// Declares that the function at `site` publishes on `topic`.
    #[must_use]
    pub fn new(site: Site, topic: &'static str) -> Self {
        Self(PublisherEntry {
            site,
            topic,
            written: topic,
            kind: None,
            bus: BusName::DEFAULT,
            codec: None,
            traits: Traits::default(),
            at_once: false,
        })
    }

    /// The topic as it was written, with holes.
    #[must_use]
    pub fn template(mut self, written: &'static str) -> Self {
        self.0.written = written;
        self
    }

    /// The bus it belongs to.
    #[must_use]
    pub fn bus(mut self, name: &'static BusName) -> Self {
        self.0.bus = *name;
        self
    }

    /// Keeps its signals in this bus: no transport and no bridge carries them further.
    #[must_use]
    pub fn local(mut self) -> Self {
        self.0.traits.local = true;
        self
    }

    /// Says that it publishes without waiting: it is a plain `fn`.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.0.at_once = true;
        self
    }

    pub(crate) fn entry(self) -> PublisherEntry {
        self.0
    }
}
