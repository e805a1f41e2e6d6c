//! The same work with a bus and with bare async-nats, side by side in one run, on a server of its own.
//!
//! `cargo bench -p signal-bus-nats` prints a table of medians: signals a second, and what part of the bare client's rate that is: once with
//! bare payloads, and once with the two headers that a bus writes, which cost the client and the server most. With `-- at-most-once` or
//! `-- at-least-once` the part without `JetStream`, or the one with it, runs alone.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it prints what it measures"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a benchmark stands where user code stands"
)]

#[path = "../tests/nats/server.rs"]
#[expect(dead_code, reason = "it kills no server")]
mod server;

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{
    Client, HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{self, consumer::pull, stream},
};
use futures_util::StreamExt as _;
use signal_bus::{Bus, BusGuard, Registered, inject, subscriber};
use signal_bus_nats::{Delivery, Nats, Streams};
use tokio::sync::Notify;

use crate::server::Server;

/// Signals of one turn at most once.
const CORE: u64 = 300_000;
/// Of them on their way at most.
const ON_THE_WAY: u64 = 32_768;
/// Signals of one turn at least once.
const STORED: u64 = 40_960;
/// Publishes at once, where each waits for its acknowledgement.
const AT_ONCE: u64 = 64;
/// Turns of each, one after the other.
const TURNS: usize = 5;

/// Counts what has come, and tells when it is all.
#[derive(Default)]
struct Arrivals {
    count: AtomicU64,
    wanted: AtomicU64,
    all: Notify,
}

impl Arrivals {
    fn expect(&self, signals: u64) {
        self.count.store(0, Ordering::SeqCst);
        self.wanted.store(signals, Ordering::SeqCst);
    }

    /// Waits while too much is on its way: what comes once at most is dropped beyond 65,536.
    async fn keep_pace(&self, sent: u64) {
        while sent.is_multiple_of(1024) && ON_THE_WAY < sent - self.count.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    }

    fn arrive(&self) {
        if self.count.fetch_add(1, Ordering::AcqRel) + 1 == self.wanted.load(Ordering::Acquire) {
            self.all.notify_one();
        }
    }
}

/// Signals a second.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate has no more digits than that"
)]
fn rate(signals: u64, begun: Instant) -> f64 {
    signals as f64 / begun.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

#[subscriber("ours.core")]
async fn count_core(_number: &u64, #[inject] arrivals: &Arrivals) {
    arrivals.arrive();
}

#[subscriber("ours.packed")]
async fn count_packed(_number: &u64, #[inject] arrivals: &Arrivals) {
    arrivals.arrive();
}

#[subscriber("ours.stored")]
async fn count_stored(_number: &u64, #[inject] arrivals: Arc<Arrivals>) {
    arrivals.arrive();
}

/// Two buses: one publishes, and one counts.
struct Pair {
    from: BusGuard,
    to: BusGuard,
    arrivals: Arc<Arrivals>,
}

impl Pair {
    async fn start<F: Registered>(nats: &Nats, topic: &'static str) -> Self {
        let bus = || {
            Bus::empty()
                .carry::<u64>()
                .connect_to(nats.clone(), [topic])
        };
        let arrivals = Arc::<Arrivals>::default();
        let to = bus().with::<F>().provide_arc(Arc::clone(&arrivals));
        let from = bus().start().await.unwrap();
        let to = to.start().await.unwrap();
        Self { from, to, arrivals }
    }

    async fn one_after_the_other(&self, topic: &'static str) -> f64 {
        self.arrivals.expect(CORE);
        let begun = Instant::now();
        for x in 0..CORE {
            self.arrivals.keep_pace(x).await;
            self.from.publish(topic, x).await.unwrap();
        }
        self.arrivals.all.notified().await;
        rate(CORE, begun)
    }

    async fn at_once(&self, topic: &'static str) -> (f64, f64) {
        self.arrivals.expect(STORED);
        let begun = Instant::now();
        let tasks = (0..AT_ONCE).map(|_| {
            let bus = self.from.handle();
            tokio::spawn(async move {
                for x in 0..STORED / AT_ONCE {
                    bus.publish(topic, x).await.unwrap();
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for task in tasks {
            task.await.unwrap();
        }
        let published = rate(STORED, begun);
        self.arrivals.all.notified().await;
        (published, rate(STORED, begun))
    }

    async fn end(self) {
        self.from.close().await.unwrap();
        self.to.close().await.unwrap();
    }
}

/// The headers that a bus writes: an id, and what the payload is.
fn headers(number: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let id = format!("98ab33398942614c41bd5020418ddc60-1795301472896484-{number}");
    headers.insert(NATS_MESSAGE_ID, id);
    headers.insert("Content-Type", "application/json; type=\"u64\"");
    headers
}

async fn bare_core(from: &Client, to: &Client, labelled: bool) -> f64 {
    let mut subscriber = to.subscribe("bare.core").await.unwrap();
    // Once something has come back, the server knows of both.
    let inbox = to.new_inbox();
    let mut back = to.subscribe(inbox.clone()).await.unwrap();
    to.publish(inbox, "".into()).await.unwrap();
    back.next().await.unwrap();
    let arrivals = Arc::<Arrivals>::default();
    arrivals.expect(CORE);
    let counts = Arc::clone(&arrivals);
    let counting = tokio::spawn(async move {
        for _ in 0..CORE {
            let message = subscriber.next().await.unwrap();
            let _: u64 = serde_json::from_slice(&message.payload).unwrap();
            counts.arrive();
        }
    });
    let begun = Instant::now();
    for x in 0..CORE {
        arrivals.keep_pace(x).await;
        let payload = serde_json::to_vec(&x).unwrap();
        let sent = match labelled {
            false => from.publish("bare.core", payload.into()).await,
            true => {
                let headers = headers(x);
                from.publish_with_headers("bare.core", headers, payload.into())
                    .await
            }
        };
        sent.unwrap();
    }
    from.flush().await.unwrap();
    counting.await.unwrap();
    rate(CORE, begun)
}

async fn bare_stored(
    from: &Client,
    to: &Client,
    consumer: &pull::Config,
    labelled: bool,
) -> (f64, f64) {
    let stream = jetstream::new(to.clone()).get_stream("BARE").await.unwrap();
    let name = consumer.durable_name.clone().unwrap();
    let consumer = stream
        .get_or_create_consumer(&name, consumer.clone())
        .await
        .unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let counting = tokio::spawn(async move {
        for _ in 0..STORED {
            let message = messages.next().await.unwrap().unwrap();
            let _: u64 = serde_json::from_slice(&message.payload).unwrap();
            message.ack().await.unwrap();
        }
    });
    let context = jetstream::new(from.clone());
    // A stream takes an id once: each turn has its own.
    let turn = RandomState::new().hash_one(0) >> 1;
    let begun = Instant::now();
    let tasks = (0..AT_ONCE).map(|task| {
        let context = context.clone();
        tokio::spawn(async move {
            for x in 0..STORED / AT_ONCE {
                let payload = serde_json::to_vec(&x).unwrap();
                let sent = match labelled {
                    false => context.publish("bare.stored", payload.into()).await,
                    true => {
                        let headers = headers(turn + task * STORED + x);
                        context
                            .publish_with_headers("bare.stored", headers, payload.into())
                            .await
                    }
                };
                sent.unwrap().await.unwrap();
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for task in tasks {
        task.await.unwrap();
    }
    let published = rate(STORED, begun);
    counting.await.unwrap();
    (published, rate(STORED, begun))
}

/// What is measured: signals a second of the bare client, of the same with headers, and of a bus.
type Rates = [f64; 3];

/// Without `JetStream`.
struct Core {
    from: Client,
    to: Client,
    ours: Pair,
    packed: Pair,
}

impl Core {
    const ROWS: [&str; 2] = [
        "at most once, published and delivered",
        "at most once, packed, published and delivered",
    ];

    async fn start(server: &Server) -> Self {
        let nats = |delivery| Nats::at(&server.url()).unwrap().delivery(delivery);
        let (ours, packed) = (
            nats(Delivery::at_most_once()),
            nats(Delivery::at_most_once().packed()),
        );
        Self {
            from: async_nats::connect(server.url()).await.unwrap(),
            to: async_nats::connect(server.url()).await.unwrap(),
            ours: Pair::start::<count_core>(&ours, "ours.core").await,
            packed: Pair::start::<count_packed>(&packed, "ours.packed").await,
        }
    }

    async fn turn(&self) -> [Rates; 2] {
        let bare = bare_core(&self.from, &self.to, false).await;
        let labelled = bare_core(&self.from, &self.to, true).await;
        let ours = self.ours.one_after_the_other("ours.core").await;
        let packed = self.packed.one_after_the_other("ours.packed").await;
        [[bare, labelled, ours], [bare, labelled, packed]]
    }

    async fn end(self) {
        self.ours.end().await;
        self.packed.end().await;
    }
}

/// With `JetStream`.
struct Stored {
    from: Client,
    to: Client,
    consumer: pull::Config,
    ours: Pair,
}

impl Stored {
    const ROWS: [&str; 2] = [
        "at least once, published (64 at once)",
        "at least once, delivered and acknowledged",
    ];

    async fn start(server: &Server) -> Self {
        let nats = Nats::at(&server.url()).unwrap();
        let nats = nats.create_streams(Streams::named("OURS"));
        let from = async_nats::connect(server.url()).await.unwrap();
        let bare = stream::Config {
            name: "BARE".into(),
            subjects: vec!["bare.stored".into()],
            max_age: Duration::from_secs(3600),
            ..stream::Config::default()
        };
        let context = jetstream::new(from.clone());
        context.create_stream(bare).await.unwrap();
        Self {
            from,
            to: async_nats::connect(server.url()).await.unwrap(),
            consumer: pull::Config {
                durable_name: Some("bare".into()),
                ..pull::Config::default()
            },
            ours: Pair::start::<count_stored>(&nats, "ours.stored").await,
        }
    }

    async fn turn(&self) -> [Rates; 2] {
        let bare = bare_stored(&self.from, &self.to, &self.consumer, false).await;
        let labelled = bare_stored(&self.from, &self.to, &self.consumer, true).await;
        let ours = self.ours.at_once("ours.stored").await;
        let all = [bare, labelled, ours];
        [all.map(|one| one.0), all.map(|one| one.1)]
    }
}

async fn measure(server: &Server, parts: [bool; 2]) {
    let core = match parts[0] {
        true => Some(Core::start(server).await),
        false => None,
    };
    let stored = match parts[1] {
        true => Some(Stored::start(server).await),
        false => None,
    };
    let mut all: Vec<Vec<Rates>> = vec![Vec::new(); 4];
    for turn in 0..=TURNS {
        eprintln!("turn {turn} of {TURNS}");
        let mut rates = Vec::new();
        if let Some(core) = &core {
            rates.extend(core.turn().await);
        }
        if let Some(stored) = &stored {
            rates.extend(stored.turn().await);
        }
        // The first turn warms up.
        for (all, rates) in all.iter_mut().zip(rates).filter(|_| 0 < turn) {
            all.push(rates);
        }
    }
    if let Some(core) = core {
        core.end().await;
    }
    if let Some(stored) = stored {
        stored.ours.end().await;
    }
    println!(
        "{:<46} {:>12} {:>14} {:>12} {:>16}",
        "signals a second, 1 to 1", "bare", "bare, headers", "ours", "ours of these, %"
    );
    let rows = [(parts[0], Core::ROWS), (parts[1], Stored::ROWS)];
    let rows = rows.into_iter().filter(|(runs, _)| *runs);
    let rows = rows.flat_map(|(_, rows)| rows);
    for (row, rates) in rows.zip(all).filter(|(_, rates)| !rates.is_empty()) {
        let of = [0, 1, 2].map(|one| median(rates.iter().map(|rates| rates[one]).collect()));
        let part = |whole: f64| 100.0 * of[2] / whole;
        println!(
            "{row:<46} {:>12.0} {:>14.0} {:>12.0} {:>8.0} {:>7.0}",
            of[0],
            of[1],
            of[2],
            part(of[0]),
            part(of[1])
        );
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = Server::start();
    let only = |part| std::env::args().any(|argument| argument == part);
    let parts = [!only("at-least-once"), !only("at-most-once")];
    runtime.block_on(measure(&server, parts));
}
