//! This bus, through annotated functions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_bus::{Bus, publisher, subscriber};

use crate::shape::{CAPACITY, Measure, Payload, Round, Shape, touch};

/// The round of the subscribers of `bench.rounds`; one contest is held at a time.
static ROUND: Round = Round::new();

#[publisher("bench.words")]
async fn word(value: u64) -> u64 {
    value
}

#[publisher("bench.blocks")]
async fn block() -> [u8; 64] {
    [7; 64]
}

#[publisher("bench.pages")]
async fn page() -> Arc<[u8; 1024]> {
    Arc::new([7; 1024])
}

#[publisher("bench.rounds")]
async fn round(value: u64) -> u64 {
    value
}

include!(concat!(env!("OUT_DIR"), "/subscribers.rs"));

/// Runs one contest, inside its runtime.
pub async fn run(shape: Shape) -> Duration {
    let with: &[fn(Bus) -> Bus] = match (shape.measure, shape.payload) {
        (Measure::Rounds, _) => &ROUNDS,
        (_, Payload::Word) => &WORDS,
        (_, Payload::Block) => &BLOCKS,
        (_, Payload::Page) => &PAGES,
    };
    assert!(shape.subscribers <= with.len(), "there are not so many");
    let with = with[..shape.subscribers].iter();
    let bus = with.fold(Bus::empty(), |bus, with| with(bus));
    let bus = bus.capacity(CAPACITY).start().await.expect("it starts");
    let begun = Instant::now();
    let publishing = async {
        let publishers = (0..shape.publishers).map(|_| signal_bus::spawn(publish(shape)));
        for publisher in publishers.collect::<Vec<_>>() {
            publisher.await.expect("it publishes");
        }
    };
    bus.scope(publishing).await;
    bus.settled().await;
    let elapsed = begun.elapsed();
    let total = bus.close().await.expect("it drains").stats.total;
    let expected = shape.signals() * shape.publishers * shape.subscribers;
    assert_eq!(total.done, expected as u64, "nothing is lost");
    elapsed
}

async fn publish(shape: Shape) {
    for number in 0..shape.signals() as u64 {
        match (shape.measure, shape.payload) {
            (Measure::Rounds, _) => {
                ROUND.begin(shape.subscribers);
                round(number).await;
                ROUND.over().await;
            }
            (_, Payload::Word) => drop(word(number).await),
            (_, Payload::Block) => drop(block().await),
            (_, Payload::Page) => drop(page().await),
        }
    }
}
