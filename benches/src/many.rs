//! What a publish costs among many: listeners of its topic, and patterns that might hear it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use signal_bus::{Bus, BusGuard, Signal};

use crate::caller::{Caller, Callers};
use crate::shape::touch;

/// Patterns that might hear a topic; each topic is heard by one of them.
const PATTERNS: usize = 100_000;
/// Topics in one run, each of them once.
const TOPICS: u32 = 1_000_000;

/// Publishes so many signals to so many listeners, and waits until all have handled them.
async fn publish(signals: u32, listeners: usize) -> Duration {
    let bus = Bus::empty().start().await.expect("it starts");
    for _ in 0..listeners {
        let listener = bus.listen("bench.many", async |value: Signal<u64>| touch(&*value));
        listener.expect("it listens").detach();
    }
    tokio::task::yield_now().await;
    let begun = Instant::now();
    for number in 0..u64::from(signals) {
        let published = bus.publish("bench.many", number).await;
        published.expect("it is open");
    }
    bus.settled().await;
    let elapsed = begun.elapsed();
    let total = bus.close().await.expect("it drains").stats.total;
    let expected = u64::from(signals) * listeners as u64;
    assert_eq!(total.done, expected, "nothing is lost");
    elapsed
}

/// A publish by hand to 1, 16 and 10,000 who listen.
#[must_use]
pub fn listeners() -> Callers {
    Callers {
        shape: "growth current",
        title: "A publish by hand, until all have handled it",
        all: vec![
            Caller::new("1 listener", 200_000, || Box::pin(publish(200_000, 1))),
            Caller::new("16 listeners", 20_000, || Box::pin(publish(20_000, 16))),
            Caller::new("10,000 listeners", 200, || Box::pin(publish(200, 10_000))),
        ],
    }
}

/// A pattern with a wildcard in each of the places where one can be.
fn pattern(number: usize) -> String {
    match number % 3 {
        0 => format!("region-{number}.*.created"),
        1 => format!("*.region-{number}.created"),
        _ => format!("region-{number}.>"),
    }
}

/// A topic that one pattern hears, which no topic before it had.
fn topic(number: usize) -> String {
    let region = number % PATTERNS;
    match region % 3 {
        0 => format!("region-{region}.{number}.created"),
        1 => format!("{number}.region-{region}.created"),
        _ => format!("region-{region}.{number}.paid.late"),
    }
}

fn topics() -> Vec<String> {
    (0..TOPICS as usize).map(topic).collect()
}

async fn among_patterns() -> (BusGuard, Vec<signal_bus::Subscription<u64>>) {
    let bus = Bus::empty().start().await.expect("it starts");
    let subscribe = |number| bus.subscribe(pattern(number)).expect("it is a pattern");
    let subscriptions = (0..PATTERNS).map(subscribe).collect();
    (bus, subscriptions)
}

async fn who_hears() -> Duration {
    let (bus, _subscriptions) = among_patterns().await;
    let topics = topics();
    let begun = Instant::now();
    for topic in &topics {
        assert!(black_box(bus.has_subscribers(topic)), "one hears it");
    }
    begun.elapsed()
}

async fn publish_and_read() -> Duration {
    let (bus, mut subscriptions) = among_patterns().await;
    let topics = topics();
    let begun = Instant::now();
    for (number, topic) in topics.iter().enumerate() {
        let published = bus.publish(topic, number as u64).await;
        published.expect("it is open");
        let subscription = &mut subscriptions[number % PATTERNS];
        let signal = subscription.recv().await.expect("it is there");
        assert_eq!(*signal, number as u64, "it is the one");
    }
    begun.elapsed()
}

/// A million topics, each for the first time, among a hundred thousand patterns.
#[must_use]
pub fn routes() -> Callers {
    Callers {
        shape: "routes current",
        title: "A topic for the first time, among 100,000 patterns",
        all: vec![
            Caller::new("who hears it", TOPICS, || Box::pin(who_hears())),
            Caller::new("a publish on it, and its reader", TOPICS, || {
                Box::pin(publish_and_read())
            }),
        ],
    }
}
