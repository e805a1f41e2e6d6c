//! Subscribers, as the attributes declare them.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use crate::{
    codec::Codec,
    inject::Dependency,
    registry::{BusName, handler::HandlerFuture, retry::Retry, trip::OnTrip},
    signal::{AnyValue, Kind, Payload, Signal, run::Run},
    site::Site,
    topic::Topic,
};

/// Calls a subscriber with one signal of a run after the other, until one fails.
pub(crate) type Handle = fn(Run) -> HandlerFuture<'static>;
/// Decides whether a subscriber wants a value.
pub(crate) type Filter = Arc<dyn Fn(&AnyValue) -> bool + Send + Sync>;
/// Computes the hash of a value's key.
pub(crate) type Key = Arc<dyn Fn(&AnyValue) -> u64 + Send + Sync>;

/// Calls a subscriber with several signals.
pub(crate) type HandleBatch = fn(Vec<Signal>) -> HandlerFuture<'static>;

/// How an annotated subscriber is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// With each signal.
    Each(Handle),
    /// With several signals at once.
    Batch(HandleBatch, Batch),
}

/// When a batch is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Batch {
    /// Signals in it at most.
    pub(crate) size: usize,
    /// How long its first signal waits for others; `None`: not at all.
    pub(crate) within: Option<Duration>,
}

/// What happens to a signal that meets a full subscription.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Overflow {
    /// The publisher waits for room. Nothing is lost.
    #[default]
    Wait,
    /// The oldest signal that waits is dropped, and counted.
    DropOldest,
    /// The new signal is dropped, and counted.
    DropNewest,
}

impl Overflow {
    /// How an attribute writes it.
    pub(crate) const fn written(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::DropOldest => "drop_oldest",
            Self::DropNewest => "drop_newest",
        }
    }
}

/// How many signals of one subscription may be handled at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Concurrency {
    At(NonZeroUsize),
    Unbounded,
}

/// A subscriber's declaration, with the type it takes.
#[derive(Debug)]
pub struct Subscriber<T: ?Sized> {
    entry: SubscriberEntry,
    takes: PhantomData<fn() -> Box<T>>,
}

/// A subscriber, with the type as a value.
#[derive(Clone)]
pub(crate) struct SubscriberEntry {
    pub(crate) site: Site,
    pub(crate) topics: Vec<&'static str>,
    /// Those of the topics whose newest signal is kept.
    pub(crate) sticky: Vec<&'static str>,
    /// The type it takes; `None` takes any.
    pub(crate) kind: Option<Kind>,
    pub(crate) call: Call,
    pub(crate) concurrency: Concurrency,
    pub(crate) capacity: Option<usize>,
    pub(crate) overflow: Overflow,
    /// The group whose members share the signals.
    pub(crate) group: Option<&'static str>,
    /// The topics as they were written, with named holes; empty if there are none.
    pub(crate) written: Vec<&'static str>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) on_trip: Option<OnTrip>,
    pub(crate) filter: Option<Filter>,
    pub(crate) key: Option<Key>,
    pub(crate) blocking: bool,
    /// The type of its replies, if it replies to requests, and how they become bytes.
    pub(crate) replies: Option<(Kind, Option<Codec>)>,
    pub(crate) bus: BusName,
    pub(crate) codec: Option<Codec>,
    pub(crate) dependencies: Vec<Dependency>,
}

impl SubscriberEntry {
    /// Its topics, with the names of their holes.
    pub(crate) fn as_written(&self) -> &[&'static str] {
        match self.written.is_empty() {
            true => &self.topics,
            false => &self.written,
        }
    }

    /// Whether nothing is to be seen to in a call but the call itself.
    pub(crate) fn handles_plainly(&self) -> bool {
        self.timeout.is_none() && self.retry.is_none() && self.replies.is_none()
    }
}

impl fmt::Debug for SubscriberEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscriber({} on {:?})", self.site, self.topics)
    }
}

impl<T: ?Sized> Subscriber<T> {
    /// Declares that the function at `site` subscribes to `topics`.
    #[must_use]
    pub fn new<const N: usize>(site: Site, topics: [Topic<T>; N], handle: Handle) -> Self
    where
        T: Payload,
    {
        Self::called(site, &topics, Call::Each(handle))
    }

    /// Declares that the function at `site` subscribes to `topics`, and takes up to `size` signals at once.
    ///
    /// The first of them waits for others at most `within`; without it, for none.
    #[must_use]
    pub fn batch<const N: usize>(
        site: Site,
        topics: [Topic<T>; N],
        handle: HandleBatch,
        size: usize,
        within: Option<Duration>,
    ) -> Self
    where
        T: Payload,
    {
        Self::called(site, &topics, Call::Batch(handle, Batch { size, within }))
    }

    fn called(site: Site, topics: &[Topic<T>], call: Call) -> Self
    where
        T: Payload,
    {
        Self {
            entry: SubscriberEntry {
                site,
                topics: topics.iter().map(|topic| topic.name()).collect(),
                sticky: topics
                    .iter()
                    .filter(|topic| topic.traits().sticky)
                    .map(|topic| topic.name())
                    .collect(),
                kind: T::kind(),
                call,
                concurrency: Concurrency::At(NonZeroUsize::MIN),
                capacity: None,
                overflow: Overflow::Wait,
                group: None,
                written: Vec::new(),
                timeout: None,
                retry: None,
                on_trip: None,
                filter: None,
                key: None,
                blocking: false,
                replies: None,
                bus: BusName::DEFAULT,
                codec: None,
                dependencies: Vec::new(),
            },
            takes: PhantomData,
        }
    }

    /// How many signals it handles at once; 0 is taken as 1.
    #[must_use]
    pub fn concurrency(mut self, limit: usize) -> Self {
        let limit = NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        self.entry.concurrency = Concurrency::At(limit);
        self
    }

    /// Handles each signal at once.
    #[must_use]
    pub fn unbounded(mut self) -> Self {
        self.entry.concurrency = Concurrency::Unbounded;
        self
    }

    /// How many signals may be outstanding.
    #[must_use]
    pub fn capacity(mut self, signals: usize) -> Self {
        self.entry.capacity = Some(signals);
        self
    }

    /// What happens to a signal that meets a full subscription.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.entry.overflow = overflow;
        self
    }

    /// Shares the signals with the other members of a group: each goes to one of them.
    #[must_use]
    pub fn group(mut self, name: &'static str) -> Self {
        self.entry.group = Some(name);
        self
    }

    /// The topics as they were written, with named holes, in the order in which they were given.
    #[must_use]
    pub fn written<const N: usize>(mut self, written: [&'static str; N]) -> Self {
        self.entry.written = written.to_vec();
        self
    }

    /// How long the handling of one signal may take.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.entry.timeout = Some(limit);
        self
    }

    /// How a signal is tried again whose handling has failed.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.entry.retry = Some(retry);
        self
    }

    /// What happens when it has panicked too often.
    #[must_use]
    pub fn on_trip(mut self, on_trip: OnTrip) -> Self {
        self.entry.on_trip = Some(on_trip);
        self
    }

    /// Signals of one key are handled in order.
    #[must_use]
    pub fn key<K: Hash>(mut self, key: impl Fn(&T) -> K + Send + Sync + 'static) -> Self
    where
        T: Payload + Sized,
    {
        self.entry.key = Some(Arc::new(move |value| match value.downcast_ref::<T>() {
            Some(value) => hash(&key(value)),
            None => 0,
        }));
        self
    }

    /// Takes only the signals for which `filter` says so.
    #[must_use]
    pub fn filter(mut self, filter: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self
    where
        T: Payload + Sized,
    {
        self.entry.filter = Some(Arc::new(move |value| {
            value.downcast_ref::<T>().is_some_and(&filter)
        }));
        self
    }

    /// Runs on the pool for blocking calls.
    #[must_use]
    pub fn blocking(mut self) -> Self {
        self.entry.blocking = true;
        self
    }

    /// Replies to requests with what it returns, which becomes bytes so.
    #[must_use]
    pub fn replies<R: Payload + Sized>(mut self, _with: Topic<R>, codec: Option<Codec>) -> Self {
        self.entry.replies = Some((Kind::of::<R>(), codec));
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

    /// What its injected parameters need.
    #[must_use]
    pub fn dependencies(mut self, dependencies: Vec<Dependency>) -> Self {
        self.entry.dependencies = dependencies;
        self
    }

    pub(crate) fn entry(self) -> SubscriberEntry {
        self.entry
    }
}

fn hash<K: Hash>(key: &K) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
