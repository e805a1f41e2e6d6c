//! Publishing is cancel safe: a dropped publish reached nobody, and what it waited for is free again.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use signal_bus::{Bus, BusHandle, Signal, inject, publisher, subscriber};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::ledger::{Ledger, Numbered, assert_adds_up};
use crate::random::Random;

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

/// Polls a future at most `polls` times, and drops it.
async fn poll_times(future: impl Future<Output = u32>, polls: usize) -> bool {
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
    for seed in [0x5EED, 1] {
        cancel_at_random_polls(seed).await?;
    }
    Ok(())
}

async fn cancel_at_random_polls(seed: u64) -> anyhow::Result<()> {
    let ledgers: Arc<[Ledger; 2]> = Arc::default();
    let bus = Bus::new()
        .within(module_path!())
        .provide(Arc::clone(&ledgers));
    let bus = bus.start().await?;
    let mut random = Random(seed);
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

/// The ways in which a program leaves a publish, each of them half-way.
async fn leave(bus: BusHandle, ledger: Arc<Ledger>, publisher: u32, publishes: u32) {
    let mut random = Random(u64::from(publisher));
    for number in 0..publishes {
        let signal = (publisher, number);
        let (bus, accepts) = (bus.clone(), Arc::clone(&ledger));
        let publish = async move {
            if bus.publish("cancelled.left", signal).await.is_ok() {
                // In the same poll, so that nobody can come between.
                accepts.accept(signal);
            }
        };
        let turns = random.below(4);
        let some_turns = async {
            for _ in 0..turns {
                yield_now().await;
            }
        };
        match random.below(3) {
            0 => tokio::select! {
                () = publish => {}
                () = some_turns => {}
            },
            1 => {
                let wait = Duration::from_micros(random.below(100) as u64);
                drop(timeout(wait, publish).await);
            }
            _ => {
                let task = tokio::spawn(publish);
                some_turns.await;
                task.abort();
                drop(task.await);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn selected_timed_out_and_aborted_publishes_reach_all_or_nobody() -> anyhow::Result<()> {
    const PUBLISHERS: u32 = 8;
    const EACH: u32 = 2_000;
    let bus = Bus::empty().start().await?;
    let attempts = Arc::new(Ledger::default());
    let heard: [Arc<Ledger>; 2] = Default::default();
    for ledger in &heard {
        let ledger = Arc::clone(ledger);
        let hear = async move |signal: Signal<Numbered>| {
            yield_now().await;
            ledger.handle(*signal);
        };
        let options = bus.subscription::<Numbered>("cancelled.left");
        options.capacity(4).listen(hear)?.detach();
    }
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        publishers.spawn(leave(bus.handle(), Arc::clone(&attempts), publisher, EACH));
    }
    publishers.join_all().await;
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    let accepted = attempts.accepted();
    let cancelled = (PUBLISHERS * EACH) as usize - accepted.len();
    println!("left: {cancelled} cancelled of {}", PUBLISHERS * EACH);
    assert!(1_000 < cancelled && 1_000 < accepted.len());
    for ledger in heard {
        accepted.iter().for_each(|signal| ledger.accept(*signal));
        ledger.balance(&report.stats).assert_clean();
    }
    Ok(())
}
