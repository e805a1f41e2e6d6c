//! Slow subscribers, deep cascades and circles of every size: publishers wait, nothing hangs, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use signal_bus::{Ailment, Bus, BusHandle, CloseOutcome, Signal, inject, subscriber};
use tokio::time::{Instant, sleep, timeout};

use crate::ledger::{Ledger, Numbered, assert_adds_up};

const SIGNALS: u32 = 100_000;
const CAPACITY: u64 = 64;

mod paces {
    use super::*;

    #[subscriber("pressure.paces", capacity = 64)]
    pub(super) async fn fast(signal: Numbered, #[inject] ledgers: &[Ledger; 2]) {
        ledgers[0].handle(signal);
    }

    /// So slow, that a hundred thousand take more than a quarter of an hour.
    #[subscriber("pressure.paces", capacity = 64)]
    pub(super) async fn slow(signal: Numbered, #[inject] ledgers: &[Ledger; 2]) {
        sleep(Duration::from_millis(10)).await;
        ledgers[1].handle(signal);
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_a_thousand_times_slower_holds_the_publisher_at_its_capacity()
-> anyhow::Result<()> {
    let ledgers = Arc::new(<[Ledger; 2]>::default());
    let bus = Bus::new().within(concat!(module_path!(), "::paces"));
    let bus = bus.provide_arc(Arc::clone(&ledgers)).start().await?;
    let begun = Instant::now();
    let mut deepest = 0;
    for number in 0..SIGNALS {
        bus.publish("pressure.paces", (0_u32, number)).await?;
        ledgers.iter().for_each(|ledger| ledger.accept((0, number)));
        if number % 100 == 0 {
            for one in bus.stats().subscriptions {
                deepest = deepest.max(one.tally.outstanding);
            }
        }
    }
    let report = bus.close().await?;
    println!(
        "slow: at most {deepest} outstanding, {:?} of paused time",
        begun.elapsed()
    );
    assert!(deepest <= CAPACITY);
    for ledger in &*ledgers {
        ledger.balance(&report.stats).assert_clean();
    }
    Ok(())
}

/// Handlers that publish to each other over a ring of topics, each signal twice as long as it lasts.
async fn ring(size: usize, capacity: usize, workers: usize) -> anyhow::Result<()> {
    let bus = Bus::empty()
        .close_timeout(Duration::from_secs(60))
        .start()
        .await?;
    let handled = Arc::new(AtomicU64::new(0));
    for place in 0..size {
        let (handle, handled) = (bus.handle(), Arc::clone(&handled));
        let next = format!("pressure.ring.{}", (place + 1) % size);
        let pass = async move |left: Signal<u32>| {
            handled.fetch_add(1, Ordering::Relaxed);
            for _ in 0..2 {
                if 0 < *left {
                    handle.publish(&next, *left - 1).await?;
                }
            }
            anyhow::Ok(())
        };
        let options = bus.subscription::<u32>(format!("pressure.ring.{place}"));
        let options = options.capacity(capacity).concurrency(workers);
        options.listen(pass)?.detach();
    }
    for _ in 0..4 {
        bus.publish("pressure.ring.0", 7_u32).await?;
    }
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    assert_eq!(report.outcome, CloseOutcome::Drained);
    let expected = 4 * ((1 << 8) - 1);
    assert_eq!(handled.load(Ordering::Relaxed), expected);
    assert_eq!(report.stats.total.done, expected);
    if capacity == 8 {
        let over = report.stats.over_capacity;
        println!("ring of {size}, capacity {capacity}, {workers} at once: {over} over capacity");
    }
    Ok(())
}

/// Runs rings of every size with every capacity, and as many handlers at once as `workers` says for it.
async fn rings<W: Iterator<Item = usize>>(workers: impl Fn(usize) -> W) -> anyhow::Result<()> {
    for size in [1, 2, 5] {
        for capacity in 1..=8 {
            for workers in workers(capacity) {
                let ended = timeout(Duration::from_secs(600), ring(size, capacity, workers)).await;
                ended.unwrap_or_else(|_| panic!("{size}, {capacity}, {workers} hangs"))?;
            }
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn circles_of_any_size_capacity_and_concurrency_come_to_an_end() -> anyhow::Result<()> {
    rings(|capacity| 1..=4.min(capacity)).await
}

/// Where more handlers may run than signals may be there, what is let through over capacity may end without making room.
#[tokio::test(start_paused = true)]
async fn circles_with_more_handlers_than_room_come_to_an_end() -> anyhow::Result<()> {
    rings(|capacity| capacity + 1..=4).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn circles_come_to_an_end_on_two_threads() -> anyhow::Result<()> {
    for size in [1, 2, 5] {
        for (capacity, workers) in [(1, 1), (2, 2), (8, 4)] {
            ring(size, capacity, workers).await?;
        }
    }
    Ok(())
}

mod keyed {
    use super::{BusHandle, inject, subscriber};

    /// Each signal makes two, of other keys and of its own.
    #[subscriber("pressure.keyed", capacity = 5, concurrency = 3, key = |signal: &(u32, u32)| signal.1)]
    pub(super) async fn double((left, key): (u32, u32), #[inject] bus: &BusHandle) {
        for next in 0..2 {
            if 0 < left {
                let signal = (left - 1, (key + next * left) % 3);
                bus.publish("pressure.keyed", signal).await.unwrap();
            }
            if key == next {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Whoever comes after a circle was let through may find all that are left waiting behind one key.
#[tokio::test(start_paused = true)]
async fn keyed_handlers_that_wait_for_each_other_come_to_an_end() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<keyed::double>().start().await?;
    let publish = async {
        for key in 0..12 {
            bus.publish("pressure.keyed", (8_u32, key % 3_u32)).await?;
        }
        bus.settled().await;
        anyhow::Ok(())
    };
    timeout(Duration::from_secs(600), publish).await??;
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    assert_eq!(report.stats.total.done, 12 * ((1 << 9) - 1));
    let over = report.stats.over_capacity;
    println!("keyed: {over} over capacity, {}", report.stats.total);
    Ok(())
}

/// The bus does not know whom a task works for; that nothing moves it does see.
#[tokio::test(start_paused = true)]
async fn a_circle_through_a_task_of_ones_own_is_told_as_a_stall() -> anyhow::Result<()> {
    let bus = Bus::empty().stall_after(Duration::from_secs(30));
    let bus = bus.close_timeout(Duration::from_secs(1)).start().await?;
    let handle = bus.handle();
    let hidden = async move |left: Signal<u32>| {
        let handle = handle.clone();
        let task = tokio::spawn(async move { handle.publish("pressure.hidden", *left - 1).await });
        task.await??;
        anyhow::Ok(())
    };
    let options = bus.subscription::<u32>("pressure.hidden").capacity(1);
    options.listen(hidden)?.detach();
    bus.publish("pressure.hidden", 7_u32).await?;
    let begun = Instant::now();
    while bus.health().is_healthy() {
        sleep(Duration::from_secs(1)).await;
        assert!(begun.elapsed() < Duration::from_secs(90), "nobody tells");
    }
    println!(
        "hidden circle: told after {:?} of paused time",
        begun.elapsed()
    );
    let ailments: Vec<_> = bus
        .health()
        .symptoms
        .into_iter()
        .map(|one| one.ailment)
        .collect();
    let stalled = |one: &Ailment| matches!(one, Ailment::Stalled { .. } | Ailment::Full { .. });
    assert!(ailments.iter().all(stalled), "{ailments:?}");
    // The close refuses the task, which fails the handler: the circle is open.
    let report = bus.close().await?;
    assert_eq!((report.stats.total.dead, report.stats.refused), (1, 1));
    Ok(())
}

/// One of three at each level passes on to the next level.
fn cascade(bus: &BusHandle, handled: &Arc<AtomicU64>, levels: u32) -> anyhow::Result<()> {
    for level in 0..levels {
        for place in 0..3 {
            let (handle, handled) = (bus.clone(), Arc::clone(handled));
            let next = format!("pressure.cascade.{}", level + 1);
            let pass = async move |number: Signal<u32>| {
                tokio::task::yield_now().await;
                handled.fetch_add(1, Ordering::Relaxed);
                if place == 0 && level + 1 < levels {
                    handle.publish(&next, *number).await?;
                }
                anyhow::Ok(())
            };
            let topic = format!("pressure.cascade.{level}");
            let options = bus.subscription::<u32>(topic).capacity(2);
            options.listen(pass)?.detach();
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_close_follows_a_cascade_a_hundred_deep() -> anyhow::Result<()> {
    const LEVELS: u32 = 100;
    let bus = Bus::empty().start().await?;
    let handled = Arc::new(AtomicU64::new(0));
    cascade(&bus, &handled, LEVELS)?;
    for number in 0..50_u32 {
        bus.publish("pressure.cascade.0", number).await?;
    }
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    println!("cascade: {}", report.stats.total);
    assert_eq!(handled.load(Ordering::Relaxed), 50 * 3 * u64::from(LEVELS));
    Ok(())
}
