//! Sixty-four publishers at once: in what order one, several and keyed handlers get what they published.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use signal_bus::{Bus, Signal, SignalId, inject, subscriber};
use tokio::task::{JoinSet, yield_now};

use crate::ledger::{Ledger, Numbered, assert_adds_up};
use crate::rates::Rate;
use crate::sizes::size;

const PUBLISHERS: u32 = 64;
/// How many signals each of them publishes.
const EACH: u64 = 500;

/// What each of the subscribers has seen: two in order, one by key, one in any order, and one of many topics.
#[derive(Debug, Default)]
struct World {
    ledgers: [Ledger; 4],
    orders: [Mutex<Vec<SignalId>>; 3],
}

impl World {
    fn handle(&self, place: usize, signal: &Signal<Numbered>) {
        self.ledgers[place].handle(**signal);
        if let Some(order) = self.orders.get(place) {
            order.lock().unwrap().push(signal.id());
        }
    }
}

mod subjects {
    use super::*;

    #[subscriber("ordering", capacity = 64)]
    async fn one(signal: Signal<Numbered>, #[inject] world: &World) {
        world.handle(0, &signal);
    }

    #[subscriber("ordering", capacity = 32)]
    async fn another(signal: Signal<Numbered>, #[inject] world: &World) {
        yield_now().await;
        world.handle(1, &signal);
    }

    #[subscriber("ordering.**", capacity = 16)]
    async fn by_pattern(signal: Signal<Numbered>, #[inject] world: &World) {
        world.handle(2, &signal);
    }

    #[subscriber("ordering", concurrency = 8, key = |signal: &Numbered| signal.0)]
    async fn by_key(signal: Signal<Numbered>, #[inject] world: &World) {
        for _ in 0..signal.1 % 3 {
            yield_now().await;
        }
        world.handle(3, &signal);
    }

    #[subscriber("ordering", concurrency = 8)]
    async fn at_once(signal: Numbered, #[inject] seen: &Mutex<BTreeMap<Numbered, u32>>) {
        for _ in 0..signal.1 % 3 {
            yield_now().await;
        }
        *seen.lock().unwrap().entry(signal).or_default() += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_at_a_time_see_one_order_and_keys_keep_theirs() -> anyhow::Result<()> {
    let world = Arc::new(World::default());
    let seen = Arc::new(Mutex::new(BTreeMap::<Numbered, u32>::new()));
    let bus = Bus::new().within(concat!(module_path!(), "::subjects"));
    let bus = bus
        .provide_arc(Arc::clone(&world))
        .provide_arc(Arc::clone(&seen));
    let bus = bus.start().await?;
    let each = u32::try_from(size("ORDERED", EACH))?;
    let begun = Instant::now();
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let (bus, world) = (bus.handle(), Arc::clone(&world));
        publishers.spawn(async move {
            for number in 0..each {
                let signal = (publisher, number);
                world
                    .ledgers
                    .iter()
                    .for_each(|ledger| ledger.accept(signal));
                bus.publish("ordering", signal).await?;
            }
            anyhow::Ok(())
        });
    }
    for published in publishers.join_all().await {
        published?;
    }
    let report = bus.close().await?;
    let all = u64::from(PUBLISHERS) * u64::from(each);
    println!("in order: {}", Rate::since(begun, all));
    assert_adds_up(&report.stats);
    for ledger in &world.ledgers {
        ledger.balance(&report.stats).assert_clean();
    }
    let [one, another, by_pattern] = world.orders.each_ref().map(|order| order.lock().unwrap());
    assert!(one.is_sorted(), "the order of their ids");
    assert!(*one == *another && *one == *by_pattern);
    let seen = seen.lock().unwrap();
    assert!(seen.len() as u64 == all && seen.values().all(|times| *times == 1));
    Ok(())
}
