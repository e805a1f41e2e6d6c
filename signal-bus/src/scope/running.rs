//! A running bus, as all of its tasks share it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle as Runtime,
    sync::{Notify, Semaphore},
};

use crate::{
    ending::Ending,
    inject::container::Container,
    observe::Observe,
    queue::{Exchange, QueueId},
    registry::{BusName, subscriber::Call},
    report::{Stats, SubscriptionReport, Tally},
    route::Routes,
    scope::table::Counted,
    site::Site,
};

/// What the tasks of one started bus have in common.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) names: Vec<BusName>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) routes: Routes,
    pub(crate) observe: Observe,
    pub(crate) container: Container,
    /// In the order of the exchange's queues.
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) periodics: Vec<RunMark>,
    /// Gets a permit from each worker that waits for its first signal.
    pub(crate) begun: Semaphore,
    pub(crate) runtime: Runtime,
    /// Whether somebody subscribes to dead letters.
    pub(crate) dead_letters_heard: bool,
    /// Whether a circle of handlers was told of.
    pub(crate) circle_told: AtomicBool,
    pub(crate) ending: Ending,
    /// The handlers that run, also those that were given up on.
    pub(crate) active: Active,
    /// Held, not read.
    pub(crate) _counted: Counted,
}

/// A subscription, as its worker needs it.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) site: Site,
    pub(crate) topics: Arc<[Box<str>]>,
    pub(crate) call: Call,
    pub(crate) timeout: Option<Duration>,
    /// Whether the worker handles each signal itself, because there is but one at a time.
    pub(crate) serial: bool,
    /// Whether it subscribes to dead letters, whose own failures make no dead letters.
    pub(crate) buries: bool,
}

/// Counts the handlers that run, for whoever waits until none does.
#[derive(Default, Debug)]
pub(crate) struct Active {
    count: AtomicUsize,
    none: Notify,
}

impl Active {
    pub(crate) fn enter(&self) -> Entered<'_> {
        self.count.fetch_add(1, Ordering::AcqRel);
        Entered(self)
    }

    pub(crate) async fn none(&self) {
        loop {
            let none = self.none.notified();
            tokio::pin!(none);
            none.as_mut().enable();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            none.await;
        }
    }
}

/// One running handler.
#[derive(Debug)]
pub(crate) struct Entered<'a>(&'a Active);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

/// Says whether a periodic function runs right now.
#[derive(Debug)]
pub(crate) struct RunMark {
    pub(crate) site: Site,
    pub(crate) runs: AtomicBool,
}

impl Running {
    pub(crate) fn subscription(&self, queue: QueueId) -> &Subscription {
        &self.subscriptions[queue.0]
    }

    pub(crate) fn stats(&self) -> Stats {
        let ledger = self.exchange.ledger();
        let mut total = Tally::default();
        let mut subscriptions = Vec::with_capacity(self.subscriptions.len());
        for (subscription, tally) in self.subscriptions.iter().zip(ledger.tallies) {
            total.add(&tally);
            subscriptions.push(SubscriptionReport {
                site: subscription.site,
                topics: Arc::clone(&subscription.topics),
                tally,
            });
        }
        let unrouted = self.observe.unrouted.get();
        Stats {
            published: ledger.routed + unrouted,
            unrouted,
            refused: self.observe.refused.get(),
            mismatched: self.observe.mismatched.get(),
            over_capacity: ledger.over_capacity,
            periodic_runs: self.observe.periodic_runs.get(),
            failures: self.observe.failure_count(),
            total,
            subscriptions,
        }
    }
}

/// A running bus as code inside of it uses it: publish, ask, close.
///
/// Cloning is cheap. A handle does not keep the bus running: only [`BusGuard`](crate::BusGuard) does. Functions
/// get one injected as `&BusHandle`; [`current`](crate::current) finds the task's own.
#[derive(Clone)]
pub struct BusHandle {
    running: Arc<Running>,
}

impl BusHandle {
    pub(crate) fn new(running: Arc<Running>) -> Self {
        Self { running }
    }

    pub(crate) fn running(&self) -> &Arc<Running> {
        &self.running
    }

    /// The counts of the bus, taken at one moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.running.stats()
    }
}

impl fmt::Debug for BusHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.running.names.iter().map(ToString::to_string).collect();
        write!(f, "BusHandle({})", names.join(", "))
    }
}
