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

use tokio::{runtime::Handle as Runtime, sync::Semaphore, time::Instant};

use crate::{
    ending::Ending,
    inject::container::Container,
    layer::Layers,
    link::Links,
    observe::Observe,
    queue::{Exchange, ledger::Publishing, stores::QueueId},
    registry::BusName,
    report::{CloseOutcome, CloseReport, Departed, Stats, SubscriptionReport, Tally},
    route::Routes,
    scope::{
        active::Active, asking::Asking, bound::Bound, control::Controls, passages::Passages,
        presence::Presence, table::Counted, tasks::Tasks, trips::Trips, watch::Watch,
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
    /// The connections to other processes.
    pub(crate) links: Links,
    pub(crate) observe: Observe,
    pub(crate) container: Container,
    /// What stands around each call of a handler, the outermost first.
    pub(crate) layers: Layers,
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
    /// Handlers that wait for replies of others.
    pub(crate) asking: Asking,
    /// How long a close may take.
    pub(crate) close_timeout: Duration,
    pub(crate) ending: Ending,
    pub(crate) tasks: Tasks,
    /// What is noticed of handlers and publishers that take long.
    pub(crate) watch: Watch,
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

impl Running {
    /// Whether somebody hears any of the bus's own topics.
    pub(crate) fn is_monitored(&self) -> bool {
        0 < self.reserved_heard.load(Ordering::Relaxed)
    }

    /// Whether each signal is handled by itself, because a layer or a recorder wants to see it.
    pub(crate) fn handles_each(&self) -> bool {
        self.observe.recorder.is_some() || !self.layers.is_empty()
    }

    /// The function, or the call, that a queue belongs to.
    pub(crate) fn site_of(&self, queue: QueueId) -> Option<Site> {
        let present = self.routes.present();
        present.of_queue(queue).map(|hearer| hearer.wish.site)
    }

    /// The functions, and the calls, that queues belong to; found in one go, for there may be very many.
    pub(crate) fn sites_of(&self, queues: Vec<QueueId>) -> Vec<Site> {
        let present = self.routes.present();
        let hearers = present.all().map(|hearer| (hearer.queue, hearer.wish.site));
        let sites: HashMap<_, _> = hearers.collect();
        let found = queues
            .into_iter()
            .filter_map(|queue| sites.get(&queue).copied());
        found.collect()
    }

    /// The names it was given.
    pub(crate) fn written_names(&self) -> Vec<&'static str> {
        let names = self.names.iter().map(BusName::as_str);
        names.filter(|name| !name.is_empty()).collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        // Before the counts: who comes in between has none yet.
        let present: Vec<_> = self.routes.present().all().cloned().collect();
        let tripped = self.trips.all();
        let ledger = self.exchange.ledger();
        let now = Instant::now();
        let blocks = blocks(&ledger.publishing, now);
        let (count, tally) = ledger.departed;
        let mut total = tally;
        // In the order of their queues.
        let tallies = ledger.tallies;
        // So every test that closes a bus, or looks at its counts, finds one that is lost or counted twice.
        debug_assert!(
            tally.adds_up() && tallies.iter().all(|(_, tally, _)| tally.adds_up()),
            "the counts do not add up: {tally:?}, {tallies:?}"
        );
        let (mut counted, mut next) = (vec![false; tallies.len()], 0);
        let mut subscriptions: Vec<SubscriptionReport> = Vec::with_capacity(present.len());
        for hearer in present {
            // One that has gone in between is among the departed; a group has one queue.
            let at = match tallies.get(next) {
                // Both are in the order in which they came, as long as nobody has left.
                Some((queue, ..)) if *queue == hearer.queue => Ok(next),
                _ => tallies.binary_search_by_key(&hearer.queue, |(queue, ..)| *queue),
            };
            let at = at
                .ok()
                .filter(|at| !std::mem::replace(&mut counted[*at], true));
            if let Some(at) = at {
                next = at + 1;
                let (queue, tally, waiting) = tallies[at];
                total.add(&tally);
                let (latency, stalled_for) = self.watch.measured(queue, now);
                // Very many may say the same, one after the other.
                let before = subscriptions.last().map(|before| &before.topics);
                let topics = before.filter(|topics| hearer.is_written(topics));
                subscriptions.push(SubscriptionReport {
                    site: hearer.wish.site,
                    topics: topics.map_or_else(|| hearer.written(), Arc::clone),
                    tally,
                    waiting,
                    running: tally.outstanding - waiting,
                    tripped: tripped.contains(&queue),
                    latency,
                    stalled_for,
                    blocks_for: blocks.get(&queue).copied(),
                });
            }
        }
        // Those that leave, and whose handlers still run.
        let mut leaving = Tally::default();
        for ((_, tally, _), _) in tallies.iter().zip(counted).filter(|(_, counted)| !counted) {
            leaving.add(tally);
        }
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
            skipped: self.observe.skipped.get(),
            delayed_cancelled: self.observe.delayed_cancelled.get(),
            lost_on_the_way: self.observe.far_lost.get(),
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
        CloseReport {
            names: self.written_names(),
            outcome,
            signals: self.ending.signals(),
            closed_by: self.ending.closed_by(),
            elapsed,
            stats: self.stats(),
            failures: self.observe.failures(),
            stuck,
        }
    }
}

/// How long publishers have waited for each queue that has no room.
fn blocks(publishing: &[Publishing], now: Instant) -> HashMap<QueueId, Duration> {
    let mut longest = HashMap::new();
    for wait in publishing {
        let waited = now.saturating_duration_since(wait.since);
        let longest = longest.entry(wait.queue).or_insert(waited);
        *longest = waited.max(*longest);
    }
    longest
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
