//! The testing kit: a bus that records what was published and what each handler made of it.
//!
//! Every `#[tokio::test]` has a runtime of its own, and annotated functions find the bus of their runtime; so many tests of
//! one binary run at once and hear nothing of each other. With paused time nothing ever waits: [`TestBus`] uses no timers.
//!
//! ```standalone_crate
//! use signal_bus::{Bus, publisher, subscriber, testing::TestBus};
//!
//! #[publisher("user.created")]
//! async fn sign_up(name: &str) -> String { name.to_owned() }
//!
//! #[subscriber("user.created")]
//! async fn welcome(name: &str) -> anyhow::Result<()> {
//!     anyhow::ensure!(!name.is_empty(), "a user without a name");
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let bus = TestBus::start(Bus::empty().with::<welcome>()).await?;
//! sign_up("ann").await;
//! sign_up("").await;
//! bus.settled().await;
//!
//! assert_eq!(bus.published::<String>("user.created").len(), 2);
//! let handled = bus.handled::<welcome>();
//! assert!(handled[0].outcome.is_done());
//! assert_eq!(handled[1].outcome.error(), Some("a user without a name"));
//! # Ok(()) }
//! ```
//!
//! Whoever writes a transport finds in `signal_bus::testing::transport` what checks that it keeps its promises.

#[cfg(feature = "transport")]
pub mod transport;

use std::{
    any::Any,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    bus::Bus,
    error::{Failure, StartError},
    guard::BusGuard,
    observe::Recorder,
    registry::Registered,
    signal::Signal,
    site::Site,
    topic::IntoTopic,
};

/// A running bus that remembers everything; derefs to [`BusGuard`].
#[derive(Debug)]
#[must_use = "the bus closes when it is dropped"]
pub struct TestBus {
    guard: BusGuard,
    record: Arc<Record>,
}

/// What became of one signal in one handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Handled {
    /// The topic it came on.
    pub topic: String,
    /// The signal.
    pub signal: Signal,
    /// How its handling ended.
    pub outcome: Outcome,
}

/// How the handling of a signal ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The handler ended well.
    Done,
    /// It failed; the error, the panic or the timeout in words.
    Failed(String),
}

impl Outcome {
    /// Whether the handler ended well.
    #[must_use]
    pub fn is_done(&self) -> bool {
        *self == Self::Done
    }

    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Failed(error) => Some(error),
        }
    }
}

#[derive(Default, Debug)]
struct Record {
    published: Mutex<Vec<Signal>>,
    handled: Mutex<Vec<(Site, Handled)>>,
}

impl Recorder for Record {
    fn published(&self, signal: &Signal) {
        lock(&self.published).push(signal.clone());
    }

    fn handled(&self, site: Site, signal: &Signal, failure: Option<&Failure>) {
        let handled = Handled {
            topic: signal.topic().to_owned(),
            signal: signal.clone(),
            outcome: match failure {
                None => Outcome::Done,
                Some(failure) => Outcome::Failed(failure.to_string()),
            },
        };
        lock(&self.handled).push((site, handled));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TestBus {
    /// Starts a bus that records. What runs once in a cluster runs in it as if it were alone, unless it is connected to something that
    /// has leases.
    ///
    /// # Errors
    ///
    /// As [`Bus::start`].
    ///
    /// # Cancel safety
    ///
    /// As [`Bus::start`].
    pub async fn start(bus: Bus) -> Result<Self, StartError> {
        let record = Arc::new(Record::default());
        let recorder = Arc::clone(&record);
        let guard = bus.recorder(recorder).start().await?;
        Ok(Self { guard, record })
    }

    /// The values published on a topic, in order, also those nobody listened to.
    ///
    /// A value of another type than `T` is left out.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "as `publish` takes it")]
    pub fn published<T: Any + Send + Sync>(&self, topic: impl IntoTopic<T>) -> Vec<Arc<T>> {
        let on_topic = |signal: &Signal| signal.topic() == topic.name();
        let signals = self.signals().into_iter().filter(on_topic);
        signals
            .filter_map(|signal| Some(signal.downcast::<T>().ok()?.into_arc()))
            .collect()
    }

    /// Every signal that was published, on any topic, in order.
    #[must_use]
    pub fn signals(&self) -> Vec<Signal> {
        let mut signals = lock(&self.record.published).clone();
        signals.sort_by_key(Signal::id);
        signals
    }

    /// What a function, or all handlers of a service, made of the signals they got; in the order in which they ended.
    ///
    /// Periodic functions get no signal, so their runs are not among these: what they publish is in
    /// [`published`](Self::published), [`Stats::periodic_runs`](crate::Stats::periodic_runs) counts them, and
    /// [`Bus::on_error`] is told of those that fail.
    #[must_use]
    pub fn handled<F: Registered>(&self) -> Vec<Handled> {
        let declared = F::registration().declarations();
        let sites: Vec<_> = declared.subscribers.iter().map(|one| one.site).collect();
        let handled = lock(&self.record.handled);
        let handled = handled.iter().filter(|(site, _)| sites.contains(site));
        handled.map(|(_, handled)| handled.clone()).collect()
    }
}

impl Deref for TestBus {
    type Target = BusGuard;

    fn deref(&self) -> &BusGuard {
        &self.guard
    }
}
