//! A running bus, as all of its tasks share it.

use std::{
    collections::HashMap,
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
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
    queue::{Exchange, stores::QueueId},
    registry::BusName,
    report::{CloseOutcome, CloseReport, Departed, Stats, SubscriptionReport, Tally},
    route::Routes,
    scope::{
        bound::Bound, control::Controls, passages::Passages, presence::Presence, table::Counted,
        tasks::Tasks, trips::Trips,
    },
    site::Site,
};

/// What the tasks of one started bus have in common.
#[derive(Debug)]
pub(crate) struct Running {
    /// Its number in the program.
    pub(crate) id: u64,
    pub(crate) names: Vec<BusName>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) routes: Routes,
    pub(crate) observe: Observe,
    pub(crate) container: Container,
    pub(crate) periodics: Vec<Arc<Controls>>,
    /// Gets a permit from each worker that waits for its first signal.
    pub(crate) begun: Semaphore,
    pub(crate) runtime: Runtime,
    /// Signals that may be outstanding in a subscription that does not say.
    pub(crate) capacity: NonZeroUsize,
    /// How many subscriptions hear the bus's own topics.
    pub(crate) reserved_heard: AtomicUsize,
    /// What is to be told of who has come and gone.
    pub(crate) presence: Presence,
    /// What has come over bridges.
    pub(crate) passages: Passages,
    pub(crate) bound: Bound,
    /// Whether a circle of handlers was told of.
    pub(crate) circle_told: AtomicBool,
    /// The subscriptions that rest.
    pub(crate) trips: Trips,
    pub(crate) ending: Ending,
    pub(crate) tasks: Tasks,
    /// The handlers that run, also those that were given up on.
    pub(crate) active: Active,
    /// Held, not read.
    pub(crate) _counted: Counted,
}

/// A number for a bus that starts.
pub(crate) fn next_id() -> u64 {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    STARTED.fetch_add(1, Ordering::Relaxed)
}

/// Counts the handlers that run, for whoever waits until none does.
#[derive(Default, Debug)]
pub(crate) struct Active {
    /// How many run; the highest bit once somebody waits.
    count: AtomicUsize,
    none: Notify,
}

impl Active {
    /// To tell is dear, and as good as always nobody waits.
    const AWAITED: usize = 1 << (usize::BITS - 1);

    pub(crate) fn enter(&self) -> Entered<'_> {
        self.count.fetch_add(1, Ordering::AcqRel);
        Entered(self)
    }

    pub(crate) async fn none(&self) {
        loop {
            let none = self.none.notified();
            tokio::pin!(none);
            none.as_mut().enable();
            // Whoever ends after this step tells, and whoever has ended before is not counted in it.
            let count = self.count.fetch_or(Self::AWAITED, Ordering::AcqRel);
            if count & !Self::AWAITED == 0 {
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
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == Active::AWAITED | 1 {
            self.0.none.notify_waiters();
        }
    }
}

impl Running {
    /// Whether somebody hears any of the bus's own topics.
    pub(crate) fn is_monitored(&self) -> bool {
        0 < self.reserved_heard.load(Ordering::Relaxed)
    }

    /// The function, or the call, that a queue belongs to.
    pub(crate) fn site_of(&self, queue: QueueId) -> Option<Site> {
        let present = self.routes.present();
        present.of_queue(queue).map(|hearer| hearer.wish.site)
    }

    pub(crate) fn stats(&self) -> Stats {
        // Before the counts: who comes in between has none yet.
        let present: Vec<_> = self.routes.present().all().cloned().collect();
        let tripped = self.trips.all();
        let ledger = self.exchange.ledger();
        let (count, tally) = ledger.departed;
        let mut total = tally;
        let mut tallies: HashMap<_, _> = ledger.tallies.into_iter().collect();
        let mut subscriptions = Vec::with_capacity(present.len());
        for hearer in present {
            // One that has gone in between is among the departed.
            if let Some(tally) = tallies.remove(&hearer.queue) {
                total.add(&tally);
                subscriptions.push(SubscriptionReport {
                    site: hearer.wish.site,
                    topics: hearer.written(),
                    tally,
                    tripped: tripped.contains(&hearer.queue),
                });
            }
        }
        // Those that leave, and whose handlers still run.
        let leaving = tallies
            .into_values()
            .fold(Tally::default(), |mut all, tally| {
                all.add(&tally);
                all
            });
        total.add(&leaving);
        let mut departed = Departed { count, tally };
        departed.tally.add(&leaving);
        let unrouted = self.observe.unrouted.get();
        Stats {
            published: ledger.routed + unrouted,
            unrouted,
            refused: self.observe.refused.get(),
            mismatched: self.observe.mismatched.get(),
            over_capacity: ledger.over_capacity,
            periodic_runs: self.observe.periodic_runs.get(),
            failures: self.observe.failure_count(),
            retries: self.observe.retries.get(),
            delayed_cancelled: self.observe.delayed_cancelled.get(),
            total,
            subscriptions,
            departed,
        }
    }

    /// The report of a close, with the counts as they are now.
    pub(crate) fn report(
        &self,
        outcome: CloseOutcome,
        elapsed: Duration,
        stuck: Vec<Site>,
    ) -> CloseReport {
        let names = self.names.iter().map(BusName::as_str);
        CloseReport {
            names: names.filter(|name| !name.is_empty()).collect(),
            outcome,
            signals: self.ending.signals(),
            elapsed,
            stats: self.stats(),
            failures: self.observe.failures(),
            stuck,
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
