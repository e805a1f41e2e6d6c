//! Publishing is cancel safe: a dropped publish reached nobody, and what it waited for is free again.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use signal_bus::{Bus, inject, publisher, subscriber};

use crate::ledger::{Ledger, assert_adds_up};

const PUBLISHES: u32 = 40_000;
const CAPACITY: usize = 8;
/// A signal outside of the ledger, to measure the room with.
const PROBE: u32 = u32::MAX;

#[publisher("cancelled")]
async fn publish(number: u32) -> u32 {
    number
}

#[subscriber("cancelled", capacity = 8)]
async fn first(number: u32, #[inject] ledgers: &Arc<[Ledger; 2]>) {
    tokio::task::yield_now().await;
    if number != PROBE {
        ledgers[0].handle((0, number));
    }
}

#[subscriber("cancelled", capacity = 8)]
async fn second(number: u32, #[inject] ledgers: &Arc<[Ledger; 2]>) {
    if number != PROBE {
        ledgers[1].handle((0, number));
    }
}

/// A small generator of pseudo-random numbers (xorshift64*, Marsaglia and Vigna), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// Polls a future at most `polls` times, and drops it.
async fn poll_times(future: impl Future<Output = u32>, polls: u64) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        if future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
        {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

#[tokio::test]
async fn a_cancelled_publish_reached_nobody() -> anyhow::Result<()> {
    let ledgers: Arc<[Ledger; 2]> = Arc::default();
    let bus = Bus::new()
        .within(module_path!())
        .provide(Arc::clone(&ledgers));
    let bus = bus.start().await?;
    let mut random = Random(0x5EED);
    let mut cancelled = 0;
    for number in 0..PUBLISHES {
        // A seventh are left after 0 polls: those have not even begun.
        if poll_times(publish(number), random.below(7)).await {
            ledgers.iter().for_each(|ledger| ledger.accept((0, number)));
        } else {
            cancelled += 1;
            ledgers.iter().for_each(|ledger| ledger.refuse((0, number)));
        }
        if random.below(4) == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert!(
        1_000 < cancelled,
        "only {cancelled} publishes were cancelled"
    );
    bus.settled().await;
    assert_all_room_is_back(&bus);
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    for ledger in ledgers.iter() {
        ledger.balance(&report.stats).assert_clean();
    }
    Ok(())
}

/// Fills the queues without waiting: exactly as many signals fit as the capacity says.
#[track_caller]
fn assert_all_room_is_back(bus: &signal_bus::BusHandle) {
    let room = (0..)
        .take_while(|_| bus.try_publish("cancelled", PROBE).is_ok())
        .count();
    assert_eq!(room, CAPACITY);
}

#[tokio::test]
async fn publishers_that_wait_are_served_in_order() -> anyhow::Result<()> {
    let ledgers: Arc<[Ledger; 2]> = Arc::default();
    let bus = Bus::new()
        .within(module_path!())
        .provide(Arc::clone(&ledgers));
    let bus = bus.start().await?;
    let publishes: Vec<_> = (0..500)
        .map(|number| tokio::spawn(publish(number)))
        .collect();
    for publish in publishes {
        ledgers[0].accept((0, publish.await?));
    }
    let report = bus.close().await?;
    ledgers[0].balance(&report.stats).assert_clean();
    Ok(())
}

#[tokio::test]
async fn a_publisher_in_line_that_leaves_lets_the_next_one_have_its_turn() -> anyhow::Result<()> {
    let ledgers: Arc<[Ledger; 2]> = Arc::default();
    let bus = Bus::new()
        .within(module_path!())
        .provide(Arc::clone(&ledgers));
    let bus = bus.start().await?;
    while bus.try_publish("cancelled", 0_u32).is_ok() {}
    let mut leaving = Box::pin(publish(1));
    assert!(!poll_times(leaving.as_mut(), 1).await);
    let staying: Vec<_> = (2..20)
        .map(|number| tokio::spawn(publish(number)))
        .collect();
    tokio::task::yield_now().await;
    drop(leaving);
    let mut numbers = BTreeSet::new();
    for publish in staying {
        numbers.insert(publish.await?);
    }
    assert_eq!(numbers, BTreeSet::from_iter(2..20));
    bus.close().await?;
    Ok(())
}
