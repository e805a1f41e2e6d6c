//! Publishers that are made at run time: with a prefix, throttled, local.

use std::{fmt, panic::Location, sync::Arc};

use tokio::sync::{Semaphore, TryAcquireError};

use crate::{
    error::publish::{PublishError, Refusal},
    publish::{Manner, Receipt, by_hand::unshare},
    scope::{self, running::BusHandle},
    signal::Payload,
    topic::{IntoTopic, Traits},
};

/// Publishes below a prefix; made by [`BusHandle::publisher`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let bus = signal_bus::Bus::empty().start().await?;
/// let mut orders = bus.subscribe::<u32>("orders.>")?;
/// let europe = bus.publisher("orders").publisher("eu");
/// europe.publish("created", 7_u32).await?;
/// assert_eq!(orders.recv().await.expect("it was published").topic(), "orders.eu.created");
/// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a publisher publishes nothing by itself"]
pub struct Publisher {
    bus: BusHandle,
    prefix: String,
    local: bool,
    /// One permit for each signal that may wait; shared by clones and by publishers made of this one.
    throttle: Option<Arc<Semaphore>>,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Publisher({:?})", self.prefix)
    }
}

impl BusHandle {
    /// A publisher whose topics all begin with `prefix`; the empty prefix adds nothing.
    pub fn publisher(&self, prefix: impl Into<String>) -> Publisher {
        Publisher {
            bus: self.clone(),
            prefix: prefix.into(),
            local: false,
            throttle: None,
        }
    }
}

impl Publisher {
    /// A publisher below this one. It shares this one's limit of waiting signals, if there is one.
    pub fn publisher(&self, prefix: impl AsRef<str>) -> Self {
        Self {
            prefix: self.below(prefix.as_ref()),
            ..self.clone()
        }
    }

    /// Makes each publish wait until, with the new one, at most `signals` of its own wait in any queue; 0 is taken as 1.
    ///
    /// A signal waits until the last of its handlers has begun with it. So a publisher is never further ahead of its
    /// slowest subscriber than that, whatever room the queues have. A handler does not wait here, for what waits may wait
    /// for that very handler.
    pub fn max_waiting(mut self, signals: usize) -> Self {
        let permits = signals.clamp(1, Semaphore::MAX_PERMITS);
        self.throttle = Some(Arc::new(Semaphore::new(permits)));
        self
    }

    /// Keeps its signals in this bus: no bridge and no transport carries them further.
    pub fn local_only(mut self) -> Self {
        self.local = true;
        self
    }

    /// What its topics begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Publishes `signal` on `topic` below the prefix. An empty topic is the prefix itself.
    ///
    /// # Errors
    ///
    /// As [`BusHandle::publish`].
    ///
    /// # Cancel safety
    ///
    /// As [`BusHandle::publish`].
    #[track_caller]
    pub fn publish<T: Payload>(
        &self,
        topic: impl IntoTopic<T> + Send,
        signal: T,
    ) -> impl Future<Output = Result<Receipt, PublishError<T>>> + Send {
        let at = Location::caller();
        async move {
            let manner = match self.manner().await {
                Ok(manner) => manner,
                Err(refusal) => return Err(self.bus.refused(refusal, signal)),
            };
            let (name, traits) = (self.below(topic.name()), topic.traits());
            let published = self
                .bus
                .publish_in(&name, traits, Arc::new(signal), manner, at);
            published.await.map_err(|error| error.map(unshare))
        }
    }

    /// Publishes without waiting, or not at all.
    ///
    /// # Errors
    ///
    /// As [`BusHandle::try_publish`]; also [`PublishError::Throttled`] where too many of its own signals wait.
    #[expect(clippy::needless_pass_by_value, reason = "as `publish` takes it")]
    #[track_caller]
    pub fn try_publish<T: Payload>(
        &self,
        topic: impl IntoTopic<T>,
        signal: T,
    ) -> Result<Receipt, PublishError<T>> {
        let at = Location::caller();
        let mut manner = self.unthrottled();
        if let Some(throttle) = &self.throttle {
            match Arc::clone(throttle).try_acquire_owned() {
                Ok(permit) => manner.ticket = Some(Arc::new(permit)),
                Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                    return Err(self.bus.refused(Refusal::Throttled, signal));
                }
            }
        }
        let (name, traits): (_, Traits) = (self.below(topic.name()), topic.traits());
        let published = self.bus.try_at(&name, traits, Arc::new(signal), manner, at);
        published.map_err(|error| error.map(unshare))
    }

    /// Publishes without a topic, as [`BusHandle::broadcast`] does.
    ///
    /// # Errors
    ///
    /// As [`BusHandle::broadcast`].
    ///
    /// # Cancel safety
    ///
    /// As [`BusHandle::publish`].
    pub async fn broadcast<T: Payload>(&self, signal: T) -> Result<Receipt, PublishError<T>> {
        let manner = match self.manner().await {
            Ok(manner) => manner,
            Err(refusal) => return Err(self.bus.refused(refusal, signal)),
        };
        let published = self.bus.broadcast_in(Arc::new(signal), manner).await;
        published.map_err(|error| error.map(unshare))
    }

    /// How many subscribers hear a topic below the prefix, as [`BusHandle::subscriber_count`] counts them.
    #[must_use]
    pub fn subscriber_count(&self, topic: &str) -> usize {
        self.bus.subscriber_count(&self.below(topic))
    }

    /// Whether anybody hears a topic below the prefix; `**` asks for any of them.
    #[must_use]
    pub fn has_subscribers(&self, topic: &str) -> bool {
        self.bus.has_subscribers(&self.below(topic))
    }

    fn unthrottled(&self) -> Manner {
        Manner {
            local: self.local,
            ..Manner::inside(scope::inside(self.bus.running()))
        }
    }

    /// Waits until few enough of its own signals wait, or the bus closes.
    async fn manner(&self) -> Result<Manner, Refusal> {
        let mut manner = self.unthrottled();
        if let Some(throttle) = &self.throttle {
            let throttle = Arc::clone(throttle);
            if manner.inside.is_some() {
                // What waits may wait for this very handler.
                if let Ok(permit) = throttle.try_acquire_owned() {
                    manner.ticket = Some(Arc::new(permit));
                }
                return Ok(manner);
            }
            let running = self.bus.running();
            let permit = tokio::select! {
                biased;
                permit = throttle.acquire_owned() => permit.ok(),
                () = running.ending.requested() => None,
            };
            manner.ticket = Some(Arc::new(permit.ok_or(Refusal::Closed)?));
        }
        Ok(manner)
    }

    fn below(&self, topic: &str) -> String {
        match (self.prefix.as_str(), topic) {
            (prefix, "") => prefix.to_owned(),
            ("", topic) => topic.to_owned(),
            (prefix, topic) => format!("{prefix}.{topic}"),
        }
    }
}
