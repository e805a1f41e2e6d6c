//! Publishing by hand, with a handle of the bus.

use std::{panic::Location, sync::Arc};

use crate::{
    error::publish::{PublishError, Refusal},
    publish::{Manner, Ready, Receipt, Tried},
    route::topic::Route,
    scope::{self, running::BusHandle},
    signal::{Kind, Payload, Signal},
    topic::{IntoTopic, Traits},
};

/// Gives the value back from a signal that reached nobody.
pub(super) fn value_of<T: Payload>(signal: Signal) -> Arc<T> {
    T::restore(signal.into_arc()).expect("the signal was made from a `T`")
}

impl BusHandle {
    /// Publishes `signal` on `topic` and returns when every subscription has it.
    ///
    /// Waits while a subscription is full. Handlers run later, each on its own worker, so a handler's error never
    /// comes back here. The topic is a string, or a [`Topic<T>`](crate::Topic).
    ///
    /// A topic that no attribute names carries the type of the first signal that is published on it. 65,536 such topics are
    /// remembered, those in use: one that was forgotten for others, and that nobody subscribes to by its name, may carry another type.
    ///
    /// # Errors
    ///
    /// Every [`PublishError`] gives the signal back: the bus is closed, the topic carries another type, or the name
    /// is not a topic. [`PublishError::Full`] is for `try_publish` alone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it completes reached no subscriber. The signal is dropped with it;
    /// [`try_publish`](Self::try_publish) keeps it. A future that is kept, waiting, and no longer polled keeps its place in the
    /// line of its topic, and others wait behind it: poll it or drop it.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use signal_bus::{Bus, PublishError, subscriber};
    ///
    /// #[subscriber("numbers")]
    /// async fn add(number: &u32) {}
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = Bus::new().start().await?;
    /// assert_eq!(bus.publish("numbers", 7_u32).await?.receivers, 1);
    /// let refused = bus.publish("numbers", "seven").await.unwrap_err();
    /// assert!(matches!(refused, PublishError::TypeMismatch { carries: "u32", .. }));
    /// assert_eq!(refused.into_signal(), "seven");
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[track_caller]
    pub fn publish<T: Payload>(
        &self,
        topic: impl IntoTopic<T> + Send,
        signal: T,
    ) -> impl Future<Output = Result<Receipt, PublishError<T>>> + Send {
        let at = Location::caller();
        async move {
            let published = self.publish_at(topic.name(), topic.traits(), Arc::new(signal), at);
            published.await.map_err(|error| error.map(unshare))
        }
    }

    /// Publishes a value that is shared already; nothing is cloned.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    #[track_caller]
    pub fn publish_shared<T: Payload>(
        &self,
        topic: impl IntoTopic<T> + Send,
        signal: Arc<T>,
    ) -> impl Future<Output = Result<Receipt, PublishError<Arc<T>>>> + Send {
        let at = Location::caller();
        async move {
            self.publish_at(topic.name(), topic.traits(), signal, at)
                .await
        }
    }

    /// Publishes without waiting, or not at all.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and [`PublishError::Full`] where that would wait. On a topic that travels to other
    /// processes it always would: then it is a `PublishError::Transport`, whose fault is `MustWait`.
    #[expect(clippy::needless_pass_by_value, reason = "as `publish` takes it")]
    #[track_caller]
    pub fn try_publish<T: Payload>(
        &self,
        topic: impl IntoTopic<T>,
        signal: T,
    ) -> Result<Receipt, PublishError<T>> {
        let manner = Manner::inside(scope::inside(self.running()));
        let (name, traits) = (topic.name(), topic.traits());
        let published = self.try_at(name, traits, Arc::new(signal), manner, Location::caller());
        published.map_err(|error| error.map(unshare))
    }

    async fn publish_at<T: Payload>(
        &self,
        topic: &str,
        traits: Traits,
        signal: Arc<T>,
        at: &'static Location<'static>,
    ) -> Result<Receipt, PublishError<Arc<T>>> {
        let manner = Manner::inside(scope::inside(self.running()));
        self.publish_in(topic, traits, signal, manner, at).await
    }

    /// Publishes, in a manner, and waits for room.
    pub(crate) async fn publish_in<T: Payload>(
        &self,
        topic: &str,
        traits: Traits,
        signal: Arc<T>,
        mut manner: Manner,
        at: &'static Location<'static>,
    ) -> Result<Receipt, PublishError<Arc<T>>> {
        manner.waits = true;
        match self.begin(topic, traits, signal, manner, at) {
            Ok(Shared::Done(receipt)) => Ok(receipt),
            Ok(Shared::Wait(ready)) => match self.running().wait(ready).await {
                Ok(receipt) => Ok(receipt),
                Err((refusal, signal)) => Err(self.refused(refusal, value_of(signal))),
            },
            Err(error) => Err(error),
        }
    }

    /// Publishes, in a manner, without waiting.
    pub(crate) fn try_at<T: Payload>(
        &self,
        topic: &str,
        traits: Traits,
        signal: Arc<T>,
        manner: Manner,
        at: &'static Location<'static>,
    ) -> Result<Receipt, PublishError<Arc<T>>> {
        match self.begin(topic, traits, signal, manner, at) {
            Ok(Shared::Done(receipt)) => Ok(receipt),
            Ok(Shared::Wait(ready)) => {
                Err(self.refused(ready.refusal(), value_of(ready.into_signal())))
            }
            Err(error) => Err(error),
        }
    }

    fn begin<T: Payload>(
        &self,
        topic: &str,
        traits: Traits,
        signal: Arc<T>,
        mut manner: Manner,
        at: &'static Location<'static>,
    ) -> Result<Shared, PublishError<Arc<T>>> {
        let running = self.running();
        manner.local |= traits.local;
        let route = running
            .check_open(manner.inside)
            .and_then(|()| running.routes.resolve(topic, Kind::of::<T>(), at));
        let route = route.inspect(|route| {
            running.routes.mark(route, traits, &running.exchange);
        });
        self.hand_over(route, signal, manner)
    }

    /// Hands a value to those who hear its route, as far as that takes no waiting.
    pub(super) fn hand_over<T: Payload>(
        &self,
        route: Result<Arc<Route>, Refusal>,
        signal: Arc<T>,
        manner: Manner,
    ) -> Result<Shared, PublishError<Arc<T>>> {
        let running = self.running();
        let route = match route {
            Ok(route) => route,
            Err(refusal) => return Err(self.refused(refusal, signal)),
        };
        if running.is_unheard(&route) {
            return Ok(Shared::Done(running.unrouted(&route)));
        }
        let value = T::erase(signal);
        match running.send(&route, value, manner) {
            Tried::Accepted(receipt) => Ok(Shared::Done(receipt)),
            Tried::Wait(ready) => Ok(Shared::Wait(Box::new(ready))),
            Tried::Refused(refusal, signal) => Err(self.refused(refusal, value_of(signal))),
        }
    }

    pub(crate) fn refused<S>(&self, refusal: Refusal, signal: S) -> PublishError<S> {
        self.running().observe.refused.add(1);
        refusal.with(signal)
    }
}

/// What a publish of a shared value has come to at once.
pub(super) enum Shared {
    Done(Receipt),
    /// Boxed: most need not wait, and would carry the room around.
    Wait(Box<Ready>),
}

pub(crate) fn unshare<T>(signal: Arc<T>) -> T {
    Arc::into_inner(signal).expect("a refused signal reached nobody else")
}
