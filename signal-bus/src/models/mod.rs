//! Models of what tasks on several threads may do to each other, which loom runs in every order: `cargo xtask loom`.
//!
//! They use the rooms themselves: the queues, their lock and their wake-ups, the routes, the close. What stands for the rest of a bus
//! is here: a [publisher](Topic::publish), and [workers](work) that take what a worker would take and count it instead of calling a handler.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "these are tests, which clippy does not see in their `cfg`"
)]

mod cancelled;
mod closing;
mod coming;
mod door;
mod lone;
mod publishing;
mod together;
mod waking;

use std::{
    future::poll_fn,
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

use loom::{
    future::block_on,
    model::Builder,
    thread::{self, JoinHandle},
};

use crate::{
    queue::{
        Ending, Exchange, Settings,
        admission::{Admission, Waited},
        generation::begin_generation,
        kept::Kept,
        kit::{join, one_by_one, through},
        lane::Lane,
        offer::{Destination, Inside, Offer, Target},
        parked,
        runs::Through,
        store::Supply,
        stores::QueueId,
    },
    report::Tally,
    signal::{
        AnyValue, Kind, Signal,
        id::SignalId,
        label::{About, Label, Stamp},
        lead::Lead,
        stock::Stock,
        values::Placed,
    },
};

/// Runs a model in every order in which threads are interrupted so often at most, besides where they wait.
///
/// `LOOM_MAX_PREEMPTIONS` says another number for all of them.
fn check(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(interruptions);
    let (begun, orders) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let counts = Arc::clone(&orders);
    builder.check(move || {
        counts.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let orders = orders.load(Ordering::Relaxed);
    println!("{orders} orders in {:.1?}", begun.elapsed());
}

/// A running exchange, and one topic with those who hear it.
#[derive(Clone)]
struct Topic {
    exchange: Arc<Exchange>,
    about: Arc<About>,
    destination: Destination,
    queues: Vec<QueueId>,
    lane: Option<Lane>,
    /// The line in which its publishers wait.
    line: usize,
}

impl Topic {
    /// A topic that so many hear, each with a queue of its own.
    fn heard_by(count: usize, settings: Settings) -> Self {
        let exchange = Arc::new(Exchange::new(Kept::new([]), 0, begin_generation()));
        let queues: Vec<_> = (0..count).map(|_| join(&exchange, settings).0).collect();
        let generation = begin_generation();
        exchange.renew(generation);
        let destination = Destination {
            generation,
            targets: queues.iter().copied().map(target).collect(),
            keeps: None,
        };
        Self {
            exchange,
            about: about("a"),
            destination,
            queues,
            lane: None,
            line: 0,
        }
    }

    /// A topic that so many hear, who have its signals in one log.
    fn logged(count: usize, capacity: usize) -> Self {
        let mut topic = Self::heard_by(count, one_by_one(capacity));
        let log = topic.exchange.share(&topic.queues).expect("there are some");
        let generation = topic.destination.generation;
        topic.destination.targets = topic.destination.targets[..1].into();
        topic.lane = Some(Lane { generation, log });
        topic
    }

    /// A topic that so many hear, with two signals that others may follow.
    fn followed(count: usize) -> Self {
        let topic = Self::logged(count, 40);
        assert!(topic.pass() && topic.pass());
        topic
    }

    /// Publishers of so many signals each, the last of which lets the topic go when `left` says that the others are through.
    fn published_by(&self, counts: [usize; 2], left: &Arc<AtomicUsize>) -> [JoinHandle<()>; 2] {
        counts.map(|count| {
            let (topic, left) = (self.clone(), Arc::clone(left));
            thread::spawn(move || {
                (0..count).for_each(|_| assert!(topic.pass()));
                topic.through(&left);
            })
        })
    }

    /// This topic, and another one that one other hears.
    fn and_another(mut self, settings: Settings) -> (Self, Self) {
        let (queue, _) = join(&self.exchange, settings);
        let generation = begin_generation();
        self.exchange.renew(generation);
        self.destination.generation = generation;
        let mut other = self.clone();
        other.about = about("b");
        other.line = 1;
        other.queues = vec![queue];
        other.destination.targets = Arc::new([target(queue)]);
        (self, other)
    }

    fn offer(&self, inside: Option<Inside>) -> Offer {
        Offer {
            line: self.line,
            signal: signal(&self.about),
            destination: self.destination.clone(),
            inside,
            recorded: false,
            counted: true,
            ticket: None,
        }
    }

    fn admission(&self) -> Admission {
        self.exchange.admit(self.offer(None))
    }

    /// Publishes as one does who waits for room; the [place] of the signal, if it was let in, and how many get it.
    fn publish(&self) -> Option<(u64, usize)> {
        match block_on(self.admission()) {
            Waited::Admitted(admitted) => Some((place(admitted.id), admitted.receivers)),
            Waited::Closed(_) => None,
            Waited::Stale => panic!("nobody joins here"),
        }
    }

    /// Publishes as an annotated function does that is not async; whether it was let in.
    fn pass(&self) -> bool {
        let lane = self.lane.expect("it has a log");
        let mut value = Placed::new(7_u64, |value| *value);
        let about = || Some((&self.about, self.line));
        self.exchange
            .pass_plain(lane, NonZeroUsize::MIN, about, &mut value)
    }

    /// What became of the signals of each queue.
    fn tallies(&self) -> Vec<Tally> {
        let tallies = self.exchange.ledger().tallies;
        tallies.into_iter().map(|(_, tally, _)| tally).collect()
    }

    /// Fails unless each queue has handled so many signals, and has no others.
    fn assert_done(&self, count: u64) {
        for tally in self.tallies() {
            assert_eq!((tally.accepted, tally.done), (count, count), "{tally}");
            assert_eq!(tally.outstanding, 0);
        }
    }

    /// Begins the drain, once so many have said that they are through.
    fn through(&self, left: &AtomicUsize) {
        // No step of the model: it takes the place of who waits for all of them.
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.exchange.close_gate();
        }
    }

    /// Drains it, as a close does.
    fn close(&self) {
        self.exchange.close_gate();
        block_on(self.exchange.drained());
    }
}

fn target(queue: QueueId) -> Target {
    Target {
        queue,
        key: 0,
        alone: false,
    }
}

fn about(topic: &str) -> Arc<About> {
    Arc::new(About {
        topic: topic.into(),
        carries: Kind::of::<u64>(),
    })
}

fn value() -> Arc<AnyValue> {
    Arc::new(7_u64)
}

fn signal(about: &Arc<About>) -> Signal {
    let label = Label {
        about: Arc::clone(about),
        stamp: Stamp::PLAIN,
    };
    Signal::new(value(), label)
}

/// The place of a signal among all that were let in, from 1.
fn place(id: SignalId) -> u64 {
    id.number() - SignalId::UNSET.number()
}

/// Polls a wait once, as a publisher does who then turns to something else.
fn poll_once(admission: &mut Admission) -> Poll<Waited> {
    Pin::new(admission).poll(&mut Context::from_waker(Waker::noop()))
}

/// A handler that takes one signal after the other, in runs, and the hand of its worker.
#[derive(Default)]
struct Hand {
    id: usize,
    stock: Stock,
    lead: Arc<Lead>,
    /// The places of the signals that it has begun with.
    begun: Vec<u64>,
}

impl Hand {
    fn new() -> Self {
        Self {
            id: parked::next_id(),
            ..Self::default()
        }
    }

    fn through(&mut self, queue: QueueId) -> Through<'_> {
        through((queue, self.id), &mut self.stock, &self.lead)
    }

    /// Waits until there is a run; whether there is one.
    fn waits(&mut self, exchange: &Exchange, queue: QueueId) -> bool {
        block_on(poll_fn(|context| {
            exchange.poll_run(self.through(queue), context)
        }))
    }

    /// Begins with the next signal of the run; whether there is one.
    fn begins(&mut self) -> bool {
        let begins = self.stock.goes_on(&self.lead);
        if begins {
            let label = self.stock.label().expect("it has it in hand");
            self.begun.push(place(label.stamp.id));
        }
        begins
    }

    /// Handles what is left of the run.
    fn handles(&mut self) {
        while self.begins() {}
        self.lead.end();
        self.stock.release_segment();
    }
}

/// Handles signals in runs until there will be none; their places.
fn work(exchange: &Exchange, queue: QueueId) -> Vec<u64> {
    let mut hand = Hand::new();
    while hand.waits(exchange, queue) {
        hand.handles();
    }
    hand.begun
}

/// Handles signals one by one until there will be none, as a worker that may have several calls; their places.
fn work_in_calls(exchange: &Exchange, queue: QueueId) -> Vec<u64> {
    let worker = parked::next_id();
    let mut handled = Vec::new();
    while block_on(poll_fn(|context| {
        exchange.poll_supply(queue, worker, context)
    })) == Some(Supply::Ready)
    {
        let mut next = exchange.take(queue, worker);
        while let Some(entry) = next {
            handled.push(place(entry.signal.id()));
            next = exchange.finish_and_take(queue, worker, entry.key, Ending::Done);
        }
    }
    handled
}

/// Reads signals until there will be none; their places.
fn read(exchange: &Exchange, queue: QueueId) -> Vec<u64> {
    let reader = parked::next_id();
    let next = || {
        block_on(poll_fn(|context| {
            exchange.poll_pull(queue, reader, context)
        }))
    };
    let signals = std::iter::from_fn(next);
    signals.map(|entry| place(entry.signal.id())).collect()
}
