//! Publishes that wait for their time.

use std::{
    fmt,
    panic::Location,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{self, Instant};

use crate::{
    error::{
        Failure,
        publish::{PublishError, Refusal},
    },
    guarded::discard,
    latch::Latch,
    observe::At,
    publish::{Manner, by_hand::unshare},
    queue::offer::Inside,
    route::invalid,
    scope::{
        self,
        held::Held,
        running::{BusHandle, Running},
    },
    signal::{Payload, label::Origin},
    site::Site,
    topic::{IntoTopic, Traits, name},
};

/// A publish that waits for its time; made by [`BusHandle::publish_after`].
///
/// Dropping it changes nothing: the signal is published at its time.
pub struct Delayed<T> {
    state: Arc<State<T>>,
    running: Arc<Running>,
}

struct State<T> {
    signal: Mutex<Option<T>>,
    changed: Latch,
    /// Held while the close has to wait for it.
    owed: Mutex<Option<Held>>,
}

impl<T> fmt::Debug for Delayed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delayed(waits: {})", self.is_waiting())
    }
}

impl<T> State<T> {
    fn take(&self) -> Option<T> {
        self.signal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Takes the signal back if nobody is there to publish it.
    fn take_unless(&self, spawned: bool) -> Option<T> {
        if spawned { None } else { self.take() }
    }

    /// Lets the close go on.
    fn settle(&self) {
        let owed = self
            .owed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(owed);
    }

    fn is_owed(&self) -> bool {
        self.owed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}

impl<T> Delayed<T> {
    /// Takes the signal back; `None` if it was published, or the bus has ended.
    #[must_use = "the signal is given back"]
    pub fn cancel(self) -> Option<T> {
        let signal = self.state.take();
        // Otherwise it has been published, or is about to be, and the close waits for that.
        if signal.is_some() {
            self.state.changed.open();
            self.state.settle();
        }
        signal
    }

    /// Lets the close of the bus wait until the signal was published and handled.
    ///
    /// Without this, a close cancels it, and counts it as [`delayed_cancelled`](crate::Stats::delayed_cancelled).
    pub fn drained(self) -> Self {
        let mut owed = self
            .state
            .owed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if owed.is_none() && self.is_waiting() {
            *owed = self.running.hold();
        }
        drop(owed);
        self
    }

    /// Whether its time has not come yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let signal = self
            .state
            .signal
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        signal.is_some()
    }
}

impl BusHandle {
    /// Publishes `signal` on `topic` once `delay` has passed, by the runtime's clock.
    ///
    /// What is refused then, because the topic carries another type for example, goes to
    /// [`on_error`](crate::Bus::on_error). A close does not wait for it, unless that is [asked for](Delayed::drained).
    ///
    /// # Errors
    ///
    /// [`PublishError::InvalidTopic`] and [`PublishError::Closed`] give the signal back at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use std::time::Duration;
    /// # let bus = signal_bus::Bus::empty().start().await?;
    /// let reminder = bus.publish_after(Duration::from_secs(60), "reminders", "tea")?;
    /// assert_eq!(reminder.cancel(), Some("tea"));
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "as `publish` takes it")]
    #[track_caller]
    pub fn publish_after<T: Payload>(
        &self,
        delay: Duration,
        topic: impl IntoTopic<T>,
        signal: T,
    ) -> Result<Delayed<T>, PublishError<T>> {
        let at = Location::caller();
        let running = self.running();
        let topic_name = topic.name();
        if let Err(error) = name::check_exact(topic_name) {
            return Err(self.refused(invalid(topic_name, error), signal));
        }
        if !running.exchange.is_open_to(None) {
            return Err(self.refused(Refusal::Closed, signal));
        }
        let state = Arc::new(State {
            signal: Mutex::new(Some(signal)),
            changed: Latch::default(),
            owed: Mutex::new(None),
        });
        let waiting = Waiting {
            bus: self.clone(),
            state: Arc::clone(&state),
            topic: topic_name.to_owned(),
            traits: topic.traits(),
            origin: scope::inside(running).and_then(Inside::origin),
            at,
        };
        // Far enough away is far enough away.
        let due = Instant::now().checked_add(delay);
        let due =
            due.unwrap_or_else(|| Instant::now() + Duration::from_secs(60 * 60 * 24 * 365 * 30));
        let spawned = running.tasks.spawn(&running.runtime, waiting.run(due));
        if let Some(signal) = state.take_unless(spawned) {
            return Err(self.refused(Refusal::Closed, signal));
        }
        Ok(Delayed {
            state,
            running: Arc::clone(running),
        })
    }
}

struct Waiting<T> {
    bus: BusHandle,
    state: Arc<State<T>>,
    topic: String,
    traits: Traits,
    origin: Option<Origin>,
    at: &'static Location<'static>,
}

impl<T: Payload> Waiting<T> {
    async fn run(self, due: Instant) {
        let running = Arc::clone(self.bus.running());
        tokio::select! {
            biased;
            () = self.state.changed.wait() => {}
            () = self.due(due) => self.publish().await,
            () = self.closed() => {
                if let Some(signal) = self.state.take() {
                    running.observe.delayed_cancelled.add(1);
                    discard(signal);
                }
            }
        }
        self.state.settle();
        running.tasks.reap();
    }

    async fn due(&self, due: Instant) {
        time::sleep_until(due).await;
    }

    /// Waits for a close that does not wait for this.
    async fn closed(&self) {
        self.bus.running().ending.requested().await;
        if self.state.is_owed() {
            std::future::pending::<()>().await;
        }
    }

    async fn publish(&self) {
        let Some(signal) = self.state.take() else {
            return;
        };
        // The close waits for it, or has not begun.
        let inside = self.state.is_owed().then_some(Inside::Spawned(self.origin));
        let manner = Manner {
            origin: self.origin,
            ..Manner::inside(inside)
        };
        let published =
            self.bus
                .publish_in(&self.topic, self.traits, Arc::new(signal), manner, self.at);
        if let Err(error) = published.await {
            let (signal, refusal) = error.map(unshare).take();
            discard(signal);
            let site = Site::call("publish_after", self.at);
            let at = At::topic(site, &self.topic);
            self.bus
                .running()
                .observe
                .failed(&at, &Failure::Refused(refusal));
        }
    }
}
