//! The way in: from a value to the queues of its topic.

pub(crate) mod annotated;
pub(crate) mod stream;

use std::sync::{Arc, atomic::Ordering};

use crate::{
    error::{PublishError, Refusal},
    queue::{
        Inside, Offer,
        admission::{Admitted, Rejected},
    },
    route::Route,
    scope::{
        self,
        running::{BusHandle, Running},
    },
    signal::{Kind, Label, Payload, Signal, SignalId},
    topic::IntoTopic,
};

/// What a publish that was accepted tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// How many subscriptions will handle the signal.
    pub receivers: usize,
    /// The signal's id; `None` if nobody listens.
    pub id: Option<SignalId>,
}

impl Receipt {
    const UNROUTED: Self = Self {
        receivers: 0,
        id: None,
    };
}

/// A signal that has found its queues but is not in them yet.
pub(crate) struct Ready {
    offer: Offer,
    mismatched: u64,
}

/// What became of the first, immediate try.
pub(crate) enum Tried {
    /// It is in all queues, or nobody listens.
    Accepted(Receipt),
    /// It has to wait for room.
    Wait(Ready),
    Refused(Refusal, Signal),
}

impl Running {
    /// Whether somebody, or the recorder, will look at what is published on a route.
    pub(crate) fn hears(&self, route: &Route) -> bool {
        route.is_heard() || self.observe.recorder.is_some()
    }

    pub(crate) fn check_open(&self, inside: Option<Inside>) -> Result<(), Refusal> {
        if self.exchange.is_open_to(inside) {
            Ok(())
        } else {
            Err(Refusal::Closed)
        }
    }

    pub(crate) fn unrouted(&self, route: &Route) -> Receipt {
        self.observe.unrouted.add(1);
        if 0 < route.mismatched {
            self.observe.mismatched.add(route.mismatched);
        }
        Receipt::UNROUTED
    }

    /// Finds the queues of a value; nothing has happened yet.
    pub(crate) fn ready<T: Payload>(
        &self,
        route: &Route,
        value: Arc<T>,
        inside: Option<Inside>,
    ) -> Ready {
        let value = T::erase(value);
        let targets = route.targets(&*value);
        let label = Label {
            topic: Arc::clone(&route.topic),
            id: SignalId::UNSET,
            parent: inside.and_then(Inside::parent),
            type_name: std::any::type_name::<T>(),
        };
        Ready {
            offer: Offer {
                line: route.line,
                signal: Signal::new(value, label),
                targets,
                inside,
                recorded: self.observe.recorder.is_some(),
                counted: true,
            },
            mismatched: route.mismatched,
        }
    }

    /// Lets a signal in if that takes no waiting.
    pub(crate) fn attempt(&self, ready: Ready) -> Tried {
        let Ready { offer, mismatched } = ready;
        let receivers = offer.targets.len();
        match self.exchange.try_admit(offer) {
            Ok(admitted) => Tried::Accepted(self.accepted(&admitted, receivers, mismatched)),
            Err(Rejected::Full(offer)) => Tried::Wait(Ready { offer, mismatched }),
            Err(Rejected::Closed(offer)) => Tried::Refused(Refusal::Closed, offer.into_signal()),
        }
    }

    /// Lets a signal in as soon as there is room.
    pub(crate) async fn wait(&self, ready: Ready) -> Result<Receipt, (Refusal, Signal)> {
        let Ready { offer, mismatched } = ready;
        let receivers = offer.targets.len();
        match self.exchange.admit(offer).await {
            Ok(admitted) => Ok(self.accepted(&admitted, receivers, mismatched)),
            Err(offer) => Err((Refusal::Closed, offer.into_signal())),
        }
    }

    /// Publishes on one of the bus's own topics, which never makes anyone wait and is not counted as published.
    pub(crate) fn announce<T: Payload>(&self, topic: &str, value: T, inside: Inside) {
        let route = self.routes.reserved(topic, Kind::of::<T>());
        let mut ready = self.ready(&route, Arc::new(value), Some(inside));
        ready.offer.counted = false;
        // Refused only where the bus was given up on, and everything on it was counted as abandoned.
        if let Ok(admitted) = self.exchange.try_admit(ready.offer) {
            self.record(&admitted);
        }
    }

    fn accepted(&self, admitted: &Admitted, receivers: usize, mismatched: u64) -> Receipt {
        if receivers == 0 {
            self.observe.unrouted.add(1);
        }
        if 0 < mismatched {
            self.observe.mismatched.add(mismatched);
        }
        self.record(admitted);
        if let Some(circle) = &admitted.circle {
            if !self.circle_told.swap(true, Ordering::Relaxed) {
                let circle = circle
                    .iter()
                    .map(|queue| self.subscription(*queue).site.to_string());
                let circle = circle.collect::<Vec<_>>().join(", ");
                tracing::warn!(
                    "handlers wait for each other in a circle, so signals are let through over capacity: {circle}"
                );
            }
        }
        Receipt {
            receivers,
            id: Some(admitted.id),
        }
    }

    fn record(&self, admitted: &Admitted) {
        if let (Some(recorder), Some(signal)) = (&self.observe.recorder, &admitted.recorded) {
            recorder.published(signal);
        }
    }
}

impl Ready {
    pub(crate) fn into_signal(self) -> Signal {
        self.offer.into_signal()
    }
}

/// Gives the value back from a signal that reached nobody.
fn value_of<T: Payload>(signal: Signal) -> Arc<T> {
    let (value, _) = signal.into_parts();
    T::restore(value).expect("the signal was made from a `T`")
}

impl BusHandle {
    /// Publishes `signal` on `topic` and returns when every subscription has it.
    ///
    /// Waits while a subscription is full. Handlers run later, each on its own worker, so a handler's error never
    /// comes back here. The topic is a string, or a [`Topic<T>`](crate::Topic).
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
    pub async fn publish<T: Payload>(
        &self,
        topic: impl IntoTopic<T> + Send,
        signal: T,
    ) -> Result<Receipt, PublishError<T>> {
        match self.publish_shared(topic, Arc::new(signal)).await {
            Ok(receipt) => Ok(receipt),
            Err(error) => Err(error.map(unshare)),
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
    pub async fn publish_shared<T: Payload>(
        &self,
        topic: impl IntoTopic<T> + Send,
        signal: Arc<T>,
    ) -> Result<Receipt, PublishError<Arc<T>>> {
        match self.try_shared(topic.name(), signal) {
            Ok(Shared::Done(receipt)) => Ok(receipt),
            Ok(Shared::Wait(ready)) => match self.running().wait(ready).await {
                Ok(receipt) => Ok(receipt),
                Err((refusal, signal)) => Err(self.refused(refusal, value_of(signal))),
            },
            Err(error) => Err(error),
        }
    }

    /// Publishes without waiting, or not at all.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and [`PublishError::Full`] where that would wait.
    #[expect(clippy::needless_pass_by_value, reason = "as `publish` takes it")]
    pub fn try_publish<T: Payload>(
        &self,
        topic: impl IntoTopic<T>,
        signal: T,
    ) -> Result<Receipt, PublishError<T>> {
        match self.try_shared(topic.name(), Arc::new(signal)) {
            Ok(Shared::Done(receipt)) => Ok(receipt),
            Ok(Shared::Wait(ready)) => {
                let signal = unshare(value_of(ready.into_signal()));
                Err(self.refused(Refusal::Full, signal))
            }
            Err(error) => Err(error.map(unshare)),
        }
    }

    fn try_shared<T: Payload>(
        &self,
        topic: &str,
        signal: Arc<T>,
    ) -> Result<Shared, PublishError<Arc<T>>> {
        let running = self.running();
        let inside = scope::inside(running);
        let route = running
            .check_open(inside)
            .and_then(|()| running.routes.resolve(topic, Kind::of::<T>()));
        let route = match route {
            Ok(route) => route,
            Err(refusal) => return Err(self.refused(refusal, signal)),
        };
        if !running.hears(&route) {
            return Ok(Shared::Done(running.unrouted(&route)));
        }
        match running.attempt(running.ready(&route, signal, inside)) {
            Tried::Accepted(receipt) => Ok(Shared::Done(receipt)),
            Tried::Wait(ready) => Ok(Shared::Wait(ready)),
            Tried::Refused(refusal, signal) => Err(self.refused(refusal, value_of(signal))),
        }
    }

    fn refused<S>(&self, refusal: Refusal, signal: S) -> PublishError<S> {
        self.running().observe.refused.add(1);
        refusal.with(signal)
    }
}

/// What a publish of a shared value has come to at once.
enum Shared {
    Done(Receipt),
    Wait(Ready),
}

fn unshare<T>(signal: Arc<T>) -> T {
    Arc::into_inner(signal).expect("a refused signal reached nobody else")
}
