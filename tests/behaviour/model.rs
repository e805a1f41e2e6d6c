//! A bus beside a plain model of it: random steps, and after each of them both have to agree.
//!
//! Time is paused, so a sleep ends when nobody has anything to do: the counts are compared at rest. A case that fails says its
//! seed; `MODEL_SEED=<seed>` runs that case alone, `MODEL_CASES=<count>` runs more of them.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signal_bus::{
    Bus, BusGuard, Listener, PublishError, Receipt, Signal, SignalId, Subscription, inject,
    publisher, subscriber,
};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::ledger::assert_adds_up;
use crate::random::Random;
use crate::rates::Rate;
use crate::sizes::{said, size};

const CASES: u64 = 1000;
const STEPS: usize = 40;
/// Long enough for a batch to be due.
const REST: Duration = Duration::from_millis(6);

#[derive(Clone, Copy, Debug)]
struct Value {
    number: u32,
    /// The place of the subscriber that fails with it, or panics.
    fails: Option<usize>,
    panics: Option<usize>,
}

impl Value {
    /// The value, with which nobody fails.
    fn whole(self) -> Self {
        Self {
            fails: None,
            panics: None,
            ..self
        }
    }
}

/// What one subscription may do, and has done.
#[derive(Debug)]
struct Seat {
    gate: Semaphore,
    log: Mutex<Vec<u32>>,
    done: AtomicU64,
    dead: AtomicU64,
}

impl Seat {
    fn new() -> Self {
        Self {
            gate: Semaphore::new(0),
            log: Mutex::default(),
            done: AtomicU64::new(0),
            dead: AtomicU64::new(0),
        }
    }

    fn log(&self) -> Vec<u32> {
        self.log.lock().unwrap().clone()
    }
}

#[derive(Debug)]
struct World {
    seats: Vec<Seat>,
    /// The order in which the bus has let values in.
    ids: Mutex<BTreeMap<u32, SignalId>>,
}

impl World {
    async fn handle(&self, seat: usize, value: Value) -> anyhow::Result<()> {
        let here = &self.seats[seat];
        here.gate.acquire().await?.forget();
        here.log.lock().unwrap().push(value.number);
        let bad = value.fails == Some(seat) || value.panics == Some(seat);
        let count = if bad { &here.dead } else { &here.done };
        count.fetch_add(1, Ordering::Relaxed);
        assert!(value.panics != Some(seat), "a test panics");
        anyhow::ensure!(!bad, "a test fails");
        Ok(())
    }

    fn learn(&self, signal: &Signal<Value>) {
        let mut ids = self.ids.lock().unwrap();
        let known = ids.entry(signal.number).or_insert(signal.id());
        assert_eq!(*known, signal.id(), "one id for all");
    }
}

/// The subscribers, in the order of their seats.
mod subjects {
    use super::*;

    #[publisher("model.one")]
    pub(super) async fn say(value: Value) -> Value {
        value
    }

    #[subscriber("model.one", capacity = 16)]
    async fn first(value: &Value, #[inject] world: &World) -> anyhow::Result<()> {
        world.handle(0, *value).await
    }

    #[subscriber("model.one", capacity = 16)]
    async fn second(value: Value, #[inject] world: &World) -> anyhow::Result<()> {
        world.handle(1, value).await
    }

    #[subscriber("model.one", capacity = 4)]
    async fn near(value: Signal<Value>, #[inject] world: &World) -> anyhow::Result<()> {
        world.learn(&value);
        world.handle(2, *value).await
    }

    #[subscriber("model.one", capacity = 4)]
    async fn far(value: Arc<Value>, #[inject] world: &World) -> anyhow::Result<()> {
        world.handle(3, *value).await
    }

    #[subscriber("model.one", capacity = 6, timeout = "3600s")]
    async fn timed(value: Value, #[inject] world: &World) -> anyhow::Result<()> {
        world.handle(4, value).await
    }

    #[subscriber("model.one", capacity = 8, concurrency = 2)]
    async fn pair(value: Value, #[inject] world: &World) -> anyhow::Result<()> {
        world.handle(5, value).await
    }

    #[subscriber("model.*", capacity = 32)]
    async fn every(value: Signal<Value>, #[inject] world: &World) -> anyhow::Result<()> {
        world.learn(&value);
        world.handle(6, *value).await
    }

    #[subscriber("model.one", capacity = 3, overflow = drop_newest)]
    async fn newest(value: Value, #[inject] world: &World) -> anyhow::Result<()> {
        world.handle(7, value).await
    }

    #[subscriber("model.two", capacity = 8, batch = 3, within = "5ms")]
    async fn batched(values: Vec<Value>, #[inject] world: &World) -> anyhow::Result<()> {
        for value in values {
            world.handle(8, value.whole()).await?;
        }
        Ok(())
    }

    #[subscriber("model.two", capacity = 3, overflow = drop_oldest)]
    async fn oldest(value: Value, #[inject] world: &World) -> anyhow::Result<()> {
        world.handle(9, value).await
    }

    #[subscriber("model.two", capacity = 24)]
    async fn left(value: Value, #[inject] world: &World) -> anyhow::Result<()> {
        world.handle(10, value).await
    }

    #[subscriber("model.two", capacity = 24)]
    async fn right(value: Value, #[inject] world: &World) -> anyhow::Result<()> {
        world.handle(11, value).await
    }
}

/// A subscriber's name, what it hears, its capacity, and whether publishers wait for it.
const SEATS: [(&str, &[&str], u64, bool); 12] = [
    ("first", &["model.one"], 16, true),
    ("second", &["model.one"], 16, true),
    ("near", &["model.one"], 4, true),
    ("far", &["model.one"], 4, true),
    ("timed", &["model.one"], 6, true),
    ("pair", &["model.one"], 8, true),
    ("every", &["model.one", "model.two"], 32, true),
    ("newest", &["model.one"], 3, false),
    ("batched", &["model.two"], 8, true),
    ("oldest", &["model.two"], 3, false),
    ("left", &["model.two"], 24, true),
    ("right", &["model.two"], 24, true),
];
const TOPICS: [&str; 2] = ["model.one", "model.two"];
const VISITOR_CAPACITY: usize = 5;

/// Somebody who comes and goes.
struct Visitor {
    topic: &'static str,
    accepted: Vec<u32>,
    seat: Arc<World>,
    how: How,
}

enum How {
    Listens(Listener),
    Reads(Subscription<Value>),
}

type Published = Result<Receipt, PublishError<Value>>;

/// A publish that waits, with the task it waits in.
struct Waiting {
    number: u32,
    topic: &'static str,
    task: JoinHandle<Option<Published>>,
}

struct Case {
    random: Random,
    bus: BusGuard,
    world: Arc<World>,
    numbers: u32,
    published: u64,
    /// What each seat was to get, replays included.
    accepted: Vec<Vec<u32>>,
    closed: HashSet<&'static str>,
    visitors: Vec<Visitor>,
    waiting: Vec<Waiting>,
}

impl Case {
    async fn start(seed: u64) -> anyhow::Result<Self> {
        let world = Arc::new(World {
            seats: (0..SEATS.len()).map(|_| Seat::new()).collect(),
            ids: Mutex::default(),
        });
        let bus = Bus::new()
            .within(concat!(module_path!(), "::subjects"))
            .provide_arc(Arc::clone(&world))
            .panic_limit(usize::MAX, REST)
            .close_timeout(Duration::from_secs(5))
            .on_error(|_, _| {});
        Ok(Self {
            random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            bus: bus.start().await?,
            world,
            numbers: 0,
            published: 0,
            accepted: vec![Vec::new(); SEATS.len()],
            closed: HashSet::new(),
            visitors: Vec::new(),
            waiting: Vec::new(),
        })
    }

    fn value(&mut self) -> Value {
        self.numbers += 1;
        let seat = self.random.below(SEATS.len());
        let kind = self.random.below(6);
        Value {
            number: self.numbers,
            fails: (kind == 0).then_some(seat),
            panics: (kind == 1).then_some(seat),
        }
    }

    fn hears(&self, seat: usize, topic: &str) -> bool {
        let topics = SEATS[seat].1;
        let open = topics.iter().any(|topic| !self.closed.contains(topic));
        open && (topic.is_empty() || topics.contains(&topic))
    }

    /// Notes that a value was let in, and that the bus says the same of who gets it.
    fn accept(&mut self, number: u32, topic: &str, receipt: Option<Receipt>) {
        let mut receivers = 0;
        for seat in 0..SEATS.len() {
            if self.hears(seat, topic) {
                self.accepted[seat].push(number);
                receivers += 1;
            }
        }
        for visitor in &mut self.visitors {
            let open = !self.closed.contains(visitor.topic);
            if open && (topic.is_empty() || topic == visitor.topic) {
                visitor.accepted.push(number);
                receivers += 1;
            }
        }
        self.published += 1;
        if let Some(receipt) = receipt {
            assert_eq!(receipt.receivers, receivers, "who gets {number}");
            let mut ids = self.world.ids.lock().unwrap();
            let id = receipt.id.expect("it was heard");
            assert_eq!(*ids.entry(number).or_insert(id), id);
        }
    }

    /// Whether a publisher may have to wait, or be turned away: an engine may admit an eighth fewer, not less.
    fn may_be_full(&self, topic: &str) -> bool {
        let stats = self.bus.stats();
        let mut seats = stats.subscriptions.iter();
        seats.any(|one| {
            let name = one.site.function.rsplit("::").next().unwrap_or_default();
            let seat = SEATS.iter().position(|seat| seat.0 == name);
            let (hears, capacity, waits) = match seat {
                Some(seat) => (self.hears(seat, topic), SEATS[seat].2, SEATS[seat].3),
                None => (true, VISITOR_CAPACITY as u64, true),
            };
            hears && waits && capacity <= one.tally.outstanding + capacity / 8
        })
    }

    fn publish(&mut self, topic: &'static str, by_hand: bool) {
        let value = self.value();
        let bus = self.bus.handle();
        let task = tokio::spawn(async move {
            match (topic, by_hand) {
                ("", _) => Some(bus.broadcast(value).await),
                (_, true) => Some(bus.publish(topic, value).await),
                (_, false) => {
                    subjects::say(value).await;
                    None
                }
            }
        });
        self.waiting.push(Waiting {
            number: value.number,
            topic,
            task,
        });
    }

    fn try_publish(&mut self, topic: &'static str) {
        let full = self.may_be_full(topic);
        let value = self.value();
        let in_line = self.waiting.iter().any(|one| one.topic == topic);
        match self.bus.try_publish(topic, value) {
            Ok(receipt) => self.accept(value.number, topic, Some(receipt)),
            Err(PublishError::Full(back)) => {
                assert_eq!(back.number, value.number);
                assert!(full || in_line, "{topic} has room");
            }
            Err(PublishError::TopicClosed { .. }) => assert!(self.closed.contains(topic)),
            Err(error) => panic!("{error}"),
        }
    }

    fn come(&mut self) -> anyhow::Result<()> {
        let topic = TOPICS[self.random.below(2)];
        if 2 < self.visitors.len() || self.closed.contains(topic) {
            return Ok(());
        }
        let seat = Arc::new(World {
            seats: vec![Seat::new()],
            ids: Mutex::default(),
        });
        let wanted = self.bus.subscription::<Value>(topic);
        let wanted = wanted.capacity(VISITOR_CAPACITY);
        let how = if self.random.below(2) == 0 {
            let (seat, world) = (Arc::clone(&seat), Arc::clone(&self.world));
            let listen = async move |value: Signal<Value>| {
                world.learn(&value);
                seat.handle(0, value.whole()).await
            };
            How::Listens(wanted.listen(listen)?)
        } else {
            How::Reads(wanted.subscribe()?)
        };
        self.visitors.push(Visitor {
            topic,
            accepted: Vec::new(),
            seat,
            how,
        });
        Ok(())
    }

    async fn go(&mut self) -> anyhow::Result<()> {
        if self.visitors.is_empty() {
            return Ok(());
        }
        let at = self.random.below(self.visitors.len());
        let visitor = self.visitors.swap_remove(at);
        let all = match visitor.how {
            How::Listens(listener) if self.random.below(2) == 0 => {
                visitor.seat.seats[0].gate.add_permits(1000);
                listener.close().await?;
                true
            }
            How::Listens(listener) => {
                drop(listener);
                // What it has in hand it still handles.
                visitor.seat.seats[0].gate.add_permits(1);
                false
            }
            How::Reads(reader) => {
                drop(reader);
                false
            }
        };
        let log = visitor.seat.seats[0].log();
        assert!(!all || log.len() == visitor.accepted.len(), "all of them");
        let accepted = self.in_order(visitor.accepted);
        assert!(
            accepted.starts_with(&log),
            "in order, nothing else: {log:?} of {accepted:?}"
        );
        Ok(())
    }

    /// The numbers in the order in which the bus has let them in, as far as anybody has seen it.
    fn in_order(&self, mut numbers: Vec<u32>) -> Vec<u32> {
        let ids = self.world.ids.lock().unwrap();
        numbers.retain(|number| ids.contains_key(number));
        numbers.sort_by_key(|number| ids[number]);
        numbers
    }

    fn read(&mut self) {
        for visitor in &mut self.visitors {
            if let How::Reads(reader) = &mut visitor.how {
                if let Some(signal) = reader.try_recv() {
                    self.world.learn(&signal);
                    let mut log = visitor.seat.seats[0].log.lock().unwrap();
                    log.push(signal.number);
                }
            }
        }
    }

    async fn replay(&mut self) {
        let letters = self.bus.dead_letters();
        if letters.is_empty() {
            return;
        }
        let letter = letters.iter().nth(self.random.below(letters.len()));
        let letter = letter.expect("it is one of them");
        let function = letter.at().site.function;
        let name = function.rsplit("::").next().unwrap_or_default();
        let number = letter
            .signal()
            .downcast_ref::<Value>()
            .expect("all are")
            .number;
        // Full, it is cancelled, and has reached nobody.
        if let Ok(Ok(())) = timeout(REST, letters.replay(letter.id())).await {
            if let Some(seat) = SEATS.iter().position(|seat| seat.0 == name) {
                self.accepted[seat].push(number);
            }
        }
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        let topic = TOPICS[self.random.below(2)];
        match self.random.below(16) {
            0..=2 => {
                for _ in 0..=self.random.below(6) {
                    self.publish(topic, true);
                }
            }
            3 => self.publish("model.one", false),
            4 => self.publish("", true),
            5..=6 => {
                for _ in 0..=self.random.below(6) {
                    self.try_publish(topic);
                }
            }
            7 if !self.waiting.is_empty() => {
                let at = self.random.below(self.waiting.len());
                self.waiting[at].task.abort();
            }
            8 => self.come()?,
            9 if self.random.below(2) == 0 => self.go().await?,
            10 => self.read(),
            11 => self.replay().await,
            12 if self.random.below(20) == 0 => {
                self.bus.close_topic("model.two")?;
                self.closed.insert("model.two");
            }
            _ => self.open_gates(4),
        }
        sleep(REST).await;
        self.reap().await;
        self.agree();
        Ok(())
    }

    /// Lets some handlers go that wait.
    fn open_gates(&mut self, most: usize) {
        for _ in 0..=self.random.below(SEATS.len()) {
            let seat = self.random.below(SEATS.len());
            let permits = 1 + self.random.below(most);
            self.world.seats[seat].gate.add_permits(permits);
        }
        for visitor in &self.visitors {
            visitor.seat.seats[0].gate.add_permits(1);
        }
    }

    /// Hears what has become of the publishes that have waited.
    async fn reap(&mut self) {
        let (over, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|one| one.task.is_finished());
        self.waiting = waiting;
        for Waiting {
            number,
            topic,
            task,
        } in over
        {
            match task.await {
                Ok(Some(Ok(receipt))) => self.accept(number, topic, Some(receipt)),
                Ok(None) => self.accept(number, topic, None),
                Ok(Some(Err(PublishError::TopicClosed { .. }))) => {
                    assert!(self.closed.contains(topic));
                }
                Ok(Some(Err(error))) => panic!("{error}"),
                Err(cancelled) => assert!(cancelled.is_cancelled()),
            }
        }
    }

    /// At rest, the bus and the model count the same.
    fn agree(&self) {
        let stats = self.bus.stats();
        assert_adds_up(&stats);
        assert_eq!(stats.over_capacity, 0);
        assert_eq!(stats.published, self.published, "published");
        for one in &stats.subscriptions {
            let name = one.site.function.rsplit("::").next().unwrap_or_default();
            let Some(at) = SEATS.iter().position(|seat| seat.0 == name) else {
                assert!(one.tally.outstanding <= VISITOR_CAPACITY as u64);
                continue;
            };
            let (seat, tally) = (&self.world.seats[at], one.tally);
            let (_, _, capacity, waits) = SEATS[at];
            assert_eq!(tally.accepted, self.accepted[at].len() as u64, "{name}");
            assert!(tally.outstanding <= capacity, "{name}: {tally}");
            assert!(!waits || tally.dropped == 0, "{name}: {tally}");
            let dead = seat.dead.load(Ordering::Relaxed);
            assert_eq!(tally.dead, dead, "{name}: {tally}");
            if name != "batched" {
                assert_eq!(tally.done, seat.done.load(Ordering::Relaxed), "{name}");
            }
            let idle = 0 < seat.gate.available_permits();
            assert!(!idle || tally.outstanding == 0, "{name} sleeps: {tally}");
        }
        for one in &self.waiting {
            assert!(self.may_be_full(one.topic), "who waits for {}?", one.topic);
        }
    }

    async fn end(mut self, in_time: bool) -> anyhow::Result<()> {
        if in_time {
            self.world
                .seats
                .iter()
                .for_each(|seat| seat.gate.add_permits(100_000));
            let seats = self.visitors.iter().map(|one| &one.seat.seats[0]);
            seats.for_each(|seat| seat.gate.add_permits(100_000));
        }
        self.visitors
            .retain(|one| matches!(one.how, How::Listens(_)));
        sleep(REST).await;
        self.reap().await;
        self.agree();
        assert!(!in_time || self.waiting.is_empty(), "nobody is in the way");
        self.waiting.iter().for_each(|one| one.task.abort());
        let before = self.bus.stats().total;
        let report = match self.bus.close().await {
            Ok(report) => report,
            Err(error) => error.report().cloned().expect("it has ended"),
        };
        assert_adds_up(&report.stats);
        let total = report.stats.total;
        let late = if in_time { 0 } else { before.outstanding };
        let abandoned = before.abandoned + late;
        assert_eq!((total.outstanding, total.abandoned), (0, abandoned));
        let ids = self.world.ids.lock().unwrap();
        for (at, (name, _, _, waits)) in SEATS.iter().enumerate() {
            let (mut log, mut accepted) = (self.world.seats[at].log(), self.accepted[at].clone());
            if *name != "pair" {
                let mut seen = HashSet::new();
                let first = log.iter().filter(|number| seen.insert(**number));
                let known: Vec<_> = first.filter_map(|number| ids.get(number)).collect();
                assert!(known.is_sorted(), "{name} is out of order");
            }
            log.sort_unstable();
            accepted.sort_unstable();
            if in_time && *waits {
                assert_eq!(log, accepted, "{name}: lost, ghost or duplicate");
            }
            let mut rest = accepted.iter();
            assert!(log.iter().all(|number| rest.any(|other| other == number)));
        }
        Ok(())
    }
}

async fn run(seed: u64) -> anyhow::Result<()> {
    let mut case = Case::start(seed).await?;
    for _ in 0..STEPS {
        case.step().await?;
    }
    let in_time = case.random.below(4) != 0;
    case.end(in_time).await
}

/// Says which case was running when a test panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("this case again: MODEL_SEED={}", self.0);
        }
    }
}

#[test]
fn the_bus_does_what_a_plain_model_does() -> anyhow::Result<()> {
    let seeds = match said("MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..size("MODEL_CASES", CASES),
    };
    let (begun, cases) = (Instant::now(), seeds.end - seeds.start);
    for seed in seeds {
        let _seed = Seed(seed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let ended = runtime.block_on(run(seed));
        ended.inspect_err(|_| println!("this case again: MODEL_SEED={seed}"))?;
    }
    println!("cases of {STEPS} steps: {}", Rate::since(begun, cases));
    Ok(())
}
