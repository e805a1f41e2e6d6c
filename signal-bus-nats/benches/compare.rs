//! The same work with a bus and with bare async-nats, side by side in one run, on a server of its own.
//!
//! `cargo bench -p signal-bus-nats` prints a table of medians: signals a second, and what part of the bare client's rate that is.

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
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{
    Client,
    jetstream::{self, consumer::pull, stream},
};
use futures_util::StreamExt as _;
use signal_bus::{Bus, BusGuard, Signal};
use signal_bus_nats::{Delivery, Nats, Streams};
use tokio::sync::Notify;

use crate::server::Server;

/// Signals of one turn at most once.
const CORE: u64 = 100_000;
/// Of them on their way at most.
const ON_THE_WAY: u64 = 32_768;
/// Signals of one turn at least once.
const STORED: u64 = 20_480;
/// Publishes at once, where each waits for its acknowledgement.
const AT_ONCE: u64 = 64;
/// Turns of each, one after the other.
const TURNS: usize = 3;

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

/// Two buses: one publishes, and one counts.
struct Pair {
    from: BusGuard,
    to: BusGuard,
    arrivals: Arc<Arrivals>,
}

impl Pair {
    async fn start(nats: &Nats, topic: &'static str) -> Self {
        let bus = || {
            Bus::empty()
                .carry::<u64>()
                .connect_to(nats.clone(), [topic])
                .start()
        };
        let (from, to) = (bus().await.unwrap(), bus().await.unwrap());
        let arrivals = Arc::<Arrivals>::default();
        let counts = Arc::clone(&arrivals);
        let listener = to.listen(topic, move |_: Signal<u64>| {
            counts.arrive();
            std::future::ready(())
        });
        listener.unwrap().detach();
        to.connected().await;
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

async fn bare_core(from: &Client, to: &Client) -> f64 {
    let mut subscriber = to.subscribe("bare.core").await.unwrap();
    to.flush().await.unwrap();
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
        from.publish("bare.core", payload.into()).await.unwrap();
    }
    from.flush().await.unwrap();
    counting.await.unwrap();
    rate(CORE, begun)
}

async fn bare_stored(from: &Client, to: &Client, consumer: &pull::Config) -> (f64, f64) {
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
    let begun = Instant::now();
    let tasks = (0..AT_ONCE).map(|_| {
        let context = context.clone();
        tokio::spawn(async move {
            for x in 0..STORED / AT_ONCE {
                let payload = serde_json::to_vec(&x).unwrap();
                let sent = context
                    .publish("bare.stored", payload.into())
                    .await
                    .unwrap();
                sent.await.unwrap();
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

async fn measure(server: &Server) {
    let address = Nats::at(&server.url()).unwrap();
    let core = address.clone().delivery(Delivery::at_most_once());
    let stored = address.create_streams(Streams::named("OURS"));
    let (from, to) = (
        async_nats::connect(server.url()).await.unwrap(),
        async_nats::connect(server.url()).await.unwrap(),
    );
    let bare = stream::Config {
        name: "BARE".into(),
        subjects: vec!["bare.stored".into()],
        max_age: Duration::from_secs(3600),
        ..stream::Config::default()
    };
    jetstream::new(from.clone())
        .create_stream(bare)
        .await
        .unwrap();
    let consumer = pull::Config {
        durable_name: Some("bare".into()),
        ..pull::Config::default()
    };
    let (core, stored) = (
        Pair::start(&core, "ours.core").await,
        Pair::start(&stored, "ours.stored").await,
    );
    let mut rates: [Vec<f64>; 6] = Default::default();
    for turn in 0..=TURNS {
        eprint!("turn {turn} of {TURNS}: bare");
        let bare = bare_core(&from, &to).await;
        eprint!(", ours");
        let turns = [bare, core.one_after_the_other("ours.core").await];
        eprint!("; stored: bare");
        let (bare_published, bare_delivered) = bare_stored(&from, &to, &consumer).await;
        eprint!(", ours");
        let (published, delivered) = stored.at_once("ours.stored").await;
        eprintln!();
        let all = turns
            .into_iter()
            .chain([bare_published, published, bare_delivered, delivered]);
        // The first turn warms up.
        for (rates, rate) in rates.iter_mut().zip(all).filter(|_| 0 < turn) {
            rates.push(rate);
        }
    }
    core.end().await;
    stored.end().await;
    println!(
        "{:<44} {:>12} {:>12} {:>8}",
        "signals a second, 1 to 1", "bare", "ours", "ours/bare"
    );
    let rates = rates.map(median);
    let rows = [
        "at most once, published and delivered",
        "at least once, published (64 at once)",
        "at least once, delivered and acknowledged",
    ];
    for (row, pair) in rows.iter().zip(rates.chunks(2)) {
        println!(
            "{row:<44} {:>12.0} {:>12.0} {:>7.0}%",
            pair[0],
            pair[1],
            100.0 * pair[1] / pair[0]
        );
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = Server::start();
    runtime.block_on(measure(&server));
}
