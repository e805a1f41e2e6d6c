//! A hundred thousand of everything: what it costs in memory, what of it comes back, and that nothing is lost.
//!
//! The heap of the whole program is counted, so these tests have a program of their own, and one of them runs at a time.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand where user code stands, and users spawn tasks of their own"
)]

mod allocations;

use std::alloc::System;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal_bus::{Bus, BusGuard, Signal};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Held by the test that runs.
static TURN: Mutex<()> = Mutex::new(());

const MANY: usize = 100_000;
/// What an idle subscription may cost, in bytes.
const SUBSCRIPTION_MAX: usize = 1536;
/// What a listener may cost that was called: it holds what was measured, and its topic is remembered.
const RESTED_MAX: usize = 3 * 1024;
/// What an idle topic may cost, in bytes.
const TOPIC_MAX: usize = 200;
/// Topics that are remembered although no attribute names them.
const REMEMBERED_MAX: usize = 65_536;

/// Runs a test alone, with a bus; the runtime has ended when the next one begins.
fn alone(test: impl AsyncFnOnce(BusGuard) -> anyhow::Result<()>) -> anyhow::Result<()> {
    alone_on(&Bus::empty(), test)
}

fn alone_on(
    bus: &Bus,
    test: impl AsyncFnOnce(BusGuard) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async { test(bus.start().await?).await })
}

/// Lets tasks run until there are no more than `count`.
async fn tasks_are_at_most(count: usize) {
    let metrics = tokio::runtime::Handle::current().metrics();
    while count < metrics.num_alive_tasks() {
        tokio::task::yield_now().await;
    }
}

/// Bytes that are allocated now.
fn heap() -> usize {
    let stats = HEAP.stats();
    // Reallocations count to one side or the other, as they grow or shrink.
    stats.bytes_allocated - stats.bytes_deallocated
}

fn each(before: usize, count: usize) -> usize {
    heap().saturating_sub(before) / count
}

#[test]
fn a_close_handles_three_signals_at_each_of_100_000_listeners() -> anyhow::Result<()> {
    alone(async |bus| {
        let handled = Arc::new(AtomicU64::new(0));
        for _ in 0..MANY {
            let handled = Arc::clone(&handled);
            let listener = bus.listen("wide", async move |number: Signal<u64>| {
                tokio::task::yield_now().await;
                handled.fetch_add(*number, Ordering::Relaxed);
            })?;
            listener.detach();
        }
        let begun = Instant::now();
        for _ in 0..3 {
            let receipt = bus.publish("wide", 1_u64).await?;
            assert_eq!(receipt.receivers, MANY);
        }
        let published = begun.elapsed();
        let waiting = bus.stats().total.outstanding;
        assert_eq!(waiting, 3 * MANY as u64, "none has begun yet");
        let report = bus.close().await?;
        println!(
            "{:?} a publish to {MANY}; closed, with {waiting} signals to handle, in {} ms",
            published / 3,
            report.elapsed.as_millis()
        );
        assert_eq!(handled.load(Ordering::Relaxed), 3 * MANY as u64);
        let total = report.stats.total;
        assert_eq!((total.accepted, total.done), (300_000, 300_000));
        Ok(())
    })
}

#[test]
fn a_close_of_100_000_idle_subscriptions_leaves_no_task() -> anyhow::Result<()> {
    alone(async |bus| {
        let tasks = tokio::runtime::Handle::current().metrics();
        let before = tasks.num_alive_tasks();
        let mut subscriptions = Vec::with_capacity(MANY);
        for number in 0..MANY {
            let topic = format!("narrow.{number}");
            match number % 2 {
                0 => subscriptions.push(bus.subscribe::<u64>(&topic)?),
                _ => bus.listen(&topic, async |_: Signal<u64>| {})?.detach(),
            }
        }
        for _ in 0..MANY {
            tokio::task::yield_now().await;
        }
        let report = bus.close().await?;
        let elapsed = report.elapsed.as_millis();
        println!("{MANY} idle ones, closed in {elapsed} ms");
        assert_eq!(report.stats.subscriptions.len(), MANY);
        for subscription in &mut subscriptions {
            assert!(subscription.recv().await.is_none());
        }
        assert!(tasks.num_alive_tasks() <= before);
        Ok(())
    })
}

/// Who is stuck is found by one look at all, not by one each: otherwise this takes minutes.
#[test]
fn a_close_without_time_names_each_of_100_000_that_are_stuck() -> anyhow::Result<()> {
    let hasty = Bus::empty().close_timeout(Duration::ZERO);
    alone_on(&hasty, async |bus| {
        let begun = Arc::new(AtomicU64::new(0));
        for _ in 0..MANY {
            let begun = Arc::clone(&begun);
            let never = bus.listen("stuck", async move |_: Signal<u64>| {
                begun.fetch_add(1, Ordering::Relaxed);
                pending::<()>().await;
            });
            never?.detach();
        }
        bus.publish("stuck", 1_u64).await?;
        while begun.load(Ordering::Relaxed) < MANY as u64 {
            tokio::task::yield_now().await;
        }
        let late = bus.close().await.unwrap_err();
        let report = late.report().expect("the deadline has passed");
        assert_eq!(report.stuck.len(), MANY);
        Ok(())
    })
}

/// Memory of the program that is there and not only promised, in KiB.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.expect("it has a line for that");
    number.parse().expect("it is a number")
}

#[cfg(not(target_os = "linux"))]
fn resident() -> usize {
    0
}

/// What waits is bounded by the capacity: 100,000 KiB would be seen.
#[test]
fn a_publisher_far_ahead_of_a_slow_one_takes_no_memory() -> anyhow::Result<()> {
    const CAPACITY: usize = 64;
    alone(async |bus| {
        tokio::time::pause();
        let options = || bus.subscription::<[u64; 128]>("slow").capacity(CAPACITY);
        let quick = options().listen(|_: Signal<[u64; 128]>| {})?;
        let slow = options().listen(async |_: Signal<[u64; 128]>| {
            tokio::time::sleep(Duration::from_millis(10)).await;
        })?;
        let (before, mut most, mut waits_most) = (heap(), 0, 0);
        let mut resident_before = 0;
        for number in 0..MANY {
            bus.publish("slow", [1_u64; 128]).await?;
            if number % 16 == 0 {
                most = most.max(heap().saturating_sub(before));
                waits_most = waits_most.max(quick.waiting()).max(slow.waiting());
            }
            if number == 1000 {
                resident_before = resident();
            }
        }
        let grown = resident().saturating_sub(resident_before);
        println!(
            "{MANY} of 1 KiB: at most {waits_most} wait, and take {} KiB; the program grows by {grown} KiB",
            most / 1024
        );
        assert!(most < 3 * CAPACITY * 1024, "{most} B");
        let report = bus.close().await?;
        assert_eq!(report.stats.total.done, 2 * MANY as u64);
        Ok(())
    })
}

#[test]
fn an_idle_subscription_is_small_and_leaves_nothing_behind() -> anyhow::Result<()> {
    alone(async |bus| {
        // What holds them is the caller's.
        let mut subscriptions = Vec::with_capacity(MANY);
        let before = heap();
        for number in 0..MANY {
            subscriptions.push(bus.subscribe::<u64>(format!("orders.region-{number}.*"))?);
        }
        let pulled = each(before, MANY);
        for (number, subscription) in subscriptions.iter_mut().enumerate() {
            let topic = format!("orders.region-{number}.created");
            bus.publish(&topic, 7_u64).await?;
            subscription.recv().await;
        }
        let used = each(before, MANY);
        subscriptions.clear();
        let left = each(before, MANY);

        let mut listeners = Vec::with_capacity(MANY);
        let before = heap();
        let tasks = tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks();
        for number in 0..MANY {
            let pattern = format!("orders.region-{number}.*");
            listeners.push(bus.listen(pattern, async |_: Signal<u64>| {})?);
        }
        // Until each waits for its first signal.
        for _ in 0..MANY {
            tokio::task::yield_now().await;
        }
        let called = each(before, MANY);
        for number in 0..MANY {
            let topic = format!("orders.region-{number}.created");
            bus.publish(&topic, 7_u64).await?;
        }
        bus.settled().await;
        tokio::task::yield_now().await;
        let rested = each(before, MANY);
        listeners.clear();
        tasks_are_at_most(tasks).await;
        let left_by_listeners = each(before, MANY);

        println!(
            "{pulled} B read by hand, {used} B with a topic ({left} B left), {called} B called, {rested} B after a call \
             ({left_by_listeners} B left)"
        );
        assert!(
            pulled <= SUBSCRIPTION_MAX && used <= SUBSCRIPTION_MAX && called <= SUBSCRIPTION_MAX
        );
        assert!(rested <= RESTED_MAX, "{rested}");
        // Some topics are remembered, however many there were, and have names that are longer than elsewhere; and tables keep room.
        let topics = REMEMBERED_MAX * (TOPIC_MAX + "region-.created".len());
        for left in [left, left_by_listeners] {
            assert!(left * MANY <= topics + 32 * MANY, "{left} B left of each");
        }
        bus.close().await?;
        Ok(())
    })
}

#[test]
fn an_idle_topic_is_small_and_a_million_of_them_are_forgotten() -> anyhow::Result<()> {
    alone(async |bus| {
        let before = heap();
        for number in 0..REMEMBERED_MAX {
            bus.publish(&format!("orders.{number}"), number).await?;
        }
        let unheard = each(before, REMEMBERED_MAX);
        let mut every = bus.subscribe::<usize>("orders.*")?;
        for number in 0..REMEMBERED_MAX {
            bus.publish(&format!("orders.{number}"), number).await?;
            every.recv().await;
        }
        let heard = each(before, REMEMBERED_MAX);
        for number in 0..1_000_000 {
            bus.publish(&format!("once.{number}"), number).await?;
        }
        let after = heap().saturating_sub(before) / REMEMBERED_MAX;
        println!("{unheard} B unheard, {heard} B heard by one; {after} B after a million");
        assert!(unheard <= TOPIC_MAX && heard <= TOPIC_MAX && after <= TOPIC_MAX);
        drop(every);
        bus.close().await?;
        drop(bus);
        let left = heap().saturating_sub(before);
        assert!(left < 1_000_000, "{left} B left when the bus is gone");
        Ok(())
    })
}

#[test]
fn a_million_topics_find_their_one_of_100_000_patterns() -> anyhow::Result<()> {
    alone(async |bus| {
        let mut subscriptions = Vec::new();
        for number in 0..MANY {
            let pattern = match number % 3 {
                0 => format!("region-{number}.*.created"),
                1 => format!("*.region-{number}.created"),
                _ => format!("region-{number}.>"),
            };
            subscriptions.push(bus.subscribe::<usize>(pattern)?);
        }
        let (before, begun) = (heap(), Instant::now());
        for number in 0..1_000_000 {
            let at = number % MANY;
            let topic = match at % 3 {
                0 => format!("region-{at}.{number}.created"),
                1 => format!("{number}.region-{at}.created"),
                _ => format!("region-{at}.{number}.paid.late"),
            };
            let receipt = bus.publish(&topic, number).await?;
            assert_eq!(receipt.receivers, 1);
            assert_eq!(subscriptions[at].recv().await.as_deref(), Some(&number));
        }
        let grown = heap().saturating_sub(before);
        let each = begun.elapsed() / 1_000_000;
        println!(
            "{each:?} from a publish to its one of {MANY} patterns, grown by {} KiB",
            grown / 1024
        );
        assert!(grown < 64 * 1024 * 1024);
        bus.close().await?;
        Ok(())
    })
}
