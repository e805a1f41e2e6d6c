//! Remote subscribers, each in a process of its own: a bus over NATS beside mpubsub with its broker.
//!
//! `cargo bench -p signal-bus-nats --bench remote` prints a table of medians: deliveries a second to 1, 4 and 10 subscribers.

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
    env,
    io::{BufRead as _, BufReader, Lines},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use signal_bus::{Bus, inject, subscriber};
use signal_bus_nats::{Delivery, Nats, Streams};
use tokio::sync::Notify;

use crate::server::Server;

/// Messages of one turn; fewer than a subscriber at most once may have waiting.
const MESSAGES: u64 = 60_000;
/// Publishes at once, where each waits for its acknowledgement.
const AT_ONCE: u64 = 64;
const SUBSCRIBERS: [usize; 3] = [1, 4, 10];
/// Turns of each, one after the other.
const TURNS: usize = 3;
/// Says to the program that it is a subscriber, and of which delivery.
const PART: &str = "SIGNAL_BUS_NATS_PART";
/// Says to a subscriber where the server is.
const SERVER: &str = "SIGNAL_BUS_NATS_SERVER";
const AT_MOST_ONCE: &str = "at-most-once";
const PACKED: &str = "packed";
const AT_LEAST_ONCE: &str = "at-least-once";

fn nats(server: &str, delivery: &str) -> Nats {
    let nats = Nats::at(server).unwrap();
    match delivery {
        AT_MOST_ONCE => nats.delivery(Delivery::at_most_once()),
        PACKED => nats.delivery(Delivery::at_most_once().packed()),
        _ => nats.create_streams(Streams::named("BENCH")),
    }
}

fn text() -> String {
    "x".repeat(100)
}

/// Counts in a process of its own, says when it is ready and when it has everything, and ends when it is killed.
async fn subscribe(server: &str, delivery: &str) {
    let arrivals = Arc::<Arrivals>::default();
    let bus = Bus::empty()
        .with::<count>()
        .provide_arc(Arc::clone(&arrivals))
        .connect_to(nats(server, delivery), ["bench"]);
    let bus = bus.start().await.unwrap();
    println!("ready");
    arrivals.all.notified().await;
    println!("done");
    bus.close().await.unwrap();
}

/// Counts what has come, and tells when it is all.
#[derive(Default)]
struct Arrivals {
    count: AtomicU64,
    all: Notify,
}

#[subscriber("bench")]
async fn count(_text: &String, #[inject] arrivals: Arc<Arrivals>) {
    if arrivals.count.fetch_add(1, Ordering::Relaxed) + 1 == MESSAGES {
        arrivals.all.notify_one();
    }
}

/// Another process of this program.
struct Subscriber {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subscriber {
    fn start(server: &Server, delivery: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env(PART, delivery).env(SERVER, server.url());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn says(&mut self, word: &str) {
        let said = self.lines.next().expect("it says something").unwrap();
        assert_eq!(said, word);
    }
}

/// How long it takes from the first publish until the last subscriber has everything.
async fn ours(server: &Server, delivery: &'static str, subscribers: usize) -> Duration {
    let mut subscribers: Vec<_> = (0..subscribers)
        .map(|_| Subscriber::start(server, delivery))
        .collect();
    for subscriber in &mut subscribers {
        subscriber.says("ready");
    }
    let bus = Bus::empty()
        .carry::<String>()
        .connect_to(nats(&server.url(), delivery), ["bench"]);
    let bus = bus.start().await.unwrap();
    let at_once = match delivery {
        AT_LEAST_ONCE => AT_ONCE,
        _ => 1,
    };
    let begun = Instant::now();
    let mut publishing = tokio::task::JoinSet::new();
    for task in 0..at_once {
        let bus = bus.handle();
        publishing.spawn(async move {
            for _ in (task..MESSAGES).step_by(usize::try_from(at_once).unwrap()) {
                bus.publish("bench", text()).await.unwrap();
            }
        });
    }
    publishing.join_all().await;
    let waiting = tokio::task::spawn_blocking(move || {
        for subscriber in &mut subscribers {
            subscriber.says("done");
        }
        (begun.elapsed(), subscribers)
    });
    let (took, subscribers) = waiting.await.unwrap();
    bus.close().await.unwrap();
    for mut subscriber in subscribers {
        subscriber.child.wait().unwrap();
    }
    took
}

/// The Python that has mpubsub.
fn python() -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/mpubsub");
    let python = PathBuf::from(folder).join("bin/python");
    let has_it = Command::new(&python)
        .args(["-c", "import mpubsub.broker"])
        .stderr(Stdio::null())
        .status();
    if !has_it.is_ok_and(|status| status.success()) {
        eprintln!(
            "mpubsub is missing; type, at the root of the repository:\n\
             python3 -m venv target/mpubsub && target/mpubsub/bin/pip install mpubsub==0.0.1"
        );
        std::process::exit(1);
    }
    python
}

fn theirs(python: &PathBuf, subscribers: usize) -> Duration {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/beside_mpubsub.py");
    let (count, messages) = (subscribers.to_string(), MESSAGES.to_string());
    let ran = Command::new(python)
        .args([script, &count, &messages, &text()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(ran.status.success(), "what is wrong is above");
    let seconds = String::from_utf8(ran.stdout).unwrap();
    Duration::from_secs_f64(seconds.trim().parse().unwrap())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate has no more digits than that"
)]
fn rate(subscribers: usize, took: Duration) -> f64 {
    (MESSAGES * subscribers as u64) as f64 / took.as_secs_f64()
}

async fn measure(python: &PathBuf) {
    let ways = [AT_MOST_ONCE, PACKED, AT_LEAST_ONCE];
    print!("{:<12} {:>14}", "subscribers", "mpubsub");
    ways.iter()
        .for_each(|way| print!(" {way:>14} {:>6}", "times"));
    println!();
    for subscribers in SUBSCRIBERS {
        let mut beside = Vec::new();
        let mut times = ways.map(|way| (way, Vec::new()));
        for turn in 1..=TURNS {
            eprintln!("{subscribers} subscribers, turn {turn} of {TURNS}");
            let server = Server::start();
            beside.push(theirs(python, subscribers));
            for (way, times) in &mut times {
                times.push(ours(&server, way, subscribers).await);
            }
        }
        let theirs = rate(subscribers, median(beside));
        print!("{subscribers:<12} {theirs:>14.0}");
        for (_, times) in times {
            let ours = rate(subscribers, median(times));
            print!(" {ours:>14.0} {:>6.1}", ours / theirs);
        }
        println!();
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    match (env::var(PART), env::var(SERVER)) {
        (Ok(delivery), Ok(server)) => runtime.block_on(subscribe(&server, &delivery)),
        _ => runtime.block_on(measure(&python())),
    }
}
