//! What waits for another attempt keeps its room, and where several are handled at once, no call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, BusHandle, CloseError, CloseOutcome, Retry, Signal, inject, subscriber};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use crate::ledger::assert_adds_up;

/// Odd numbers fail at first and are tried again 10 s later; those from 100 on need a permit.
#[derive(Debug)]
struct Shop {
    lines: Mutex<Vec<String>>,
    gate: Semaphore,
}

impl Shop {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lines: Mutex::default(),
            gate: Semaphore::new(0),
        })
    }

    async fn handle(&self, number: &Signal<u32>) -> anyhow::Result<()> {
        let line = format!("{} {}", **number, number.attempt());
        self.lines.lock().unwrap().push(line);
        if 100 <= **number {
            self.gate.acquire().await?.forget();
        }
        anyhow::ensure!(**number % 2 == 0 || number.attempt() == 2, "not at first");
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

mod shops {
    use super::*;

    #[subscriber("parked.two", concurrency = 2, capacity = 5, retry(base = "10s", jitter = none))]
    pub(super) async fn two(number: Signal<u32>, #[inject] shop: &Shop) -> anyhow::Result<()> {
        shop.handle(&number).await
    }

    #[subscriber("parked.all", concurrency = unbounded, retry(base = "10s", jitter = none))]
    pub(super) async fn all(number: Signal<u32>, #[inject] shop: &Shop) -> anyhow::Result<()> {
        shop.handle(&number).await
    }

    #[subscriber(
        "parked.keyed",
        concurrency = 2,
        key = |number: &u32| number / 10,
        retry(base = "10s", jitter = none)
    )]
    pub(super) async fn keyed(number: Signal<u32>, #[inject] shop: &Shop) -> anyhow::Result<()> {
        shop.handle(&number).await
    }

    #[subscriber("parked.short", concurrency = 2, retry(base = "10s", jitter = none, budget = "15s"))]
    pub(super) async fn short(number: Signal<u32>, #[inject] shop: &Shop) -> anyhow::Result<()> {
        shop.handle(&number).await
    }

    #[subscriber("parked.circle", concurrency = 2, capacity = 3, retry(base = "10s", jitter = none))]
    pub(super) async fn circle(
        number: Signal<u32>,
        #[inject] shop: &Shop,
        #[inject] bus: &BusHandle,
    ) -> anyhow::Result<()> {
        shop.handle(&number).await?;
        if *number % 2 == 0 && 0 < *number {
            bus.publish("parked.circle", 0_u32).await?;
        }
        Ok(())
    }

    #[subscriber("parked.batch", batch = 2, concurrency = 2, retry(base = "10s", jitter = none))]
    pub(super) async fn batch(
        numbers: Vec<Signal<u32>>,
        #[inject] shop: &Shop,
    ) -> anyhow::Result<()> {
        shop.handle(&numbers[0]).await
    }
}

fn bus(shop: &Arc<Shop>) -> Bus {
    let bus = Bus::new().within(concat!(module_path!(), "::shops"));
    bus.on_error(|_, _| {}).provide_arc(Arc::clone(shop))
}

/// Signals of a subscription that wait, and those that are being handled.
fn waiting_and_running(bus: &BusHandle) -> (u64, u64) {
    let subscriptions = bus.stats().subscriptions.into_iter();
    subscriptions.fold((0, 0), |(waiting, running), one| {
        (waiting + one.waiting, running + one.running)
    })
}

/// Lets handlers run, and the clock not.
async fn breathe() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn others_are_handled_while_some_wait_for_another_attempt() -> anyhow::Result<()> {
    for topic in ["parked.two", "parked.all"] {
        let shop = Shop::new();
        let bus = bus(&shop).start().await?;
        for number in [1_u32, 3, 2, 4, 6] {
            bus.publish(topic, number).await?;
        }
        breathe().await;
        assert_eq!(shop.lines(), ["1 1", "3 1", "2 1", "4 1", "6 1"]);
        assert_eq!(waiting_and_running(&bus), (2, 0), "{topic}");
        let begun = Instant::now();
        bus.settled().await;
        assert_eq!(begun.elapsed().as_secs(), 10);
        assert_eq!(shop.lines(), ["1 2", "3 2"]);
        let stats = bus.close().await?.stats;
        assert_eq!((stats.total.done, stats.retries), (5, 2));
        assert_adds_up(&stats);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_another_attempt_keeps_its_room() -> anyhow::Result<()> {
    let shop = Shop::new();
    let bus = bus(&shop).start().await?;
    for number in [1_u32, 3, 5, 7, 9] {
        bus.publish("parked.two", number).await?;
    }
    breathe().await;
    assert_eq!(waiting_and_running(&bus), (5, 0), "all of them have failed");
    assert!(bus.try_publish("parked.two", 2_u32).is_err());
    let waits = timeout(Duration::from_secs(9), bus.publish("parked.two", 2_u32));
    assert!(waits.await.is_err(), "there is no room before");
    bus.publish("parked.two", 4_u32).await?;
    bus.settled().await;
    assert_eq!(shop.lines().last().map(String::as_str), Some("4 1"));
    let stats = bus.close().await?.stats;
    assert_eq!((stats.total.done, stats.over_capacity), (6, 0));
    assert_adds_up(&stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_goes_before_newer_signals_when_a_call_is_free() -> anyhow::Result<()> {
    let shop = Shop::new();
    let bus = bus(&shop).start().await?;
    for number in [1_u32, 100, 102, 2] {
        bus.publish("parked.two", number).await?;
        breathe().await;
    }
    assert_eq!(shop.lines(), ["1 1", "100 1", "102 1"]);
    assert_eq!(waiting_and_running(&bus), (2, 2));
    sleep(Duration::from_secs(11)).await;
    assert_eq!(shop.lines(), [""; 0], "two calls are all there are");
    shop.gate.add_permits(1);
    breathe().await;
    assert_eq!(shop.lines(), ["1 2", "2 1"]);
    shop.gate.add_permits(1);
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_finds_a_call_too_late_is_none() -> anyhow::Result<()> {
    let shop = Shop::new();
    let bus = bus(&shop).start().await?;
    for number in [1_u32, 100, 102] {
        bus.publish("parked.short", number).await?;
        breathe().await;
    }
    sleep(Duration::from_secs(16)).await;
    shop.gate.add_permits(2);
    let total = bus.close().await?.stats.total;
    assert_eq!(shop.lines(), ["1 1", "100 1", "102 1"]);
    assert_eq!((total.done, total.dead), (2, 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn signals_of_a_key_stay_behind_the_one_that_waits() -> anyhow::Result<()> {
    let shop = Shop::new();
    let bus = bus(&shop).start().await?;
    for number in [11_u32, 31, 12, 32, 20, 22] {
        bus.publish("parked.keyed", number).await?;
    }
    breathe().await;
    assert_eq!(shop.lines(), ["11 1", "31 1", "20 1", "22 1"]);
    bus.settled().await;
    assert_eq!(shop.lines(), ["11 2", "31 2", "12 1", "32 1"]);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn batches_that_are_handled_at_once_wait_beside_others() -> anyhow::Result<()> {
    let shop = Shop::new();
    let bus = bus(&shop).start().await?;
    for number in [1_u32, 1, 3, 3, 4, 4] {
        bus.publish("parked.batch", number).await?;
    }
    breathe().await;
    assert_eq!(waiting_and_running(&bus), (4, 0));
    bus.settled().await;
    assert_eq!(shop.lines(), ["1 1", "3 1", "4 1", "1 2", "3 2"]);
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_attempts_but_not_beyond_the_deadline() -> anyhow::Result<()> {
    for (limit, seconds, done) in [(30, 10, 2), (9, 0, 0)] {
        let shop = Shop::new();
        let bus = bus(&shop).close_timeout(Duration::from_secs(limit));
        let bus = bus.start().await?;
        for number in [1_u32, 3] {
            bus.publish("parked.two", number).await?;
        }
        breathe().await;
        let begun = Instant::now();
        let report = bus.close().await?;
        assert_eq!(begun.elapsed().as_secs(), seconds);
        assert_eq!(report.outcome, CloseOutcome::Drained);
        let total = report.stats.total;
        assert_eq!((total.done, total.dead), (done, 2 - done));
        assert_adds_up(&report.stats);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_call_at_the_deadline_is_abandoned() -> anyhow::Result<()> {
    let shop = Shop::new();
    let bus = bus(&shop).start().await?;
    for number in [1_u32, 3, 100, 102] {
        bus.publish("parked.two", number).await?;
        breathe().await;
    }
    let Err(CloseError::Deadline(report)) = bus.close().await else {
        panic!("two handlers hang");
    };
    assert_eq!(report.stats.total.abandoned, 4);
    assert_eq!(report.stuck.len(), 1, "{report}");
    assert_adds_up(&report.stats);
    assert_eq!(bus.stats().total.outstanding, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_several_threads_neither_calls_nor_room_are_exceeded() -> anyhow::Result<()> {
    let (calls, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let bus = Bus::empty().start().await?;
    let (inside, seen) = (Arc::clone(&calls), Arc::clone(&most));
    let listener = bus
        .subscription::<u32>("parked.busy")
        .concurrency(3)
        .capacity(16)
        .retry(Retry::new().base(Duration::from_micros(50)))
        .listen(async move |number: Signal<u32>| {
            seen.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            anyhow::ensure!(*number % 4 < number.attempt(), "not yet");
            Ok(())
        })?;
    for number in 0..2000_u32 {
        bus.publish("parked.busy", number).await?;
        let report = &bus.stats().subscriptions[0];
        assert!(
            report.tally.outstanding <= 16 && report.running <= 3,
            "{report:?}"
        );
    }
    listener.close().await?;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    let stats = bus.close().await?.stats;
    assert_eq!((stats.total.done, stats.retries), (2000, 3000));
    assert_adds_up(&stats);
    Ok(())
}

fn retry() -> Retry {
    let retry = Retry::new().base(Duration::from_secs(10));
    retry.jitter(signal_bus::Jitter::None)
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_dropped_abandons_what_waits_for_another_attempt() -> anyhow::Result<()>
{
    let shop = Shop::new();
    let bus = Bus::empty().on_error(|_, _| {}).start().await?;
    let inside = Arc::clone(&shop);
    let listener = bus
        .subscription::<u32>("parked.dropped")
        .concurrency(2)
        .retry(retry())
        .listen(async move |number: Signal<u32>| inside.handle(&number).await)?;
    for number in [1_u32, 3, 101] {
        bus.publish("parked.dropped", number).await?;
    }
    breathe().await;
    drop(listener);
    breathe().await;
    assert_eq!(bus.stats().total.abandoned, 2, "the third still runs");
    shop.gate.add_permits(1);
    bus.settled().await;
    assert_eq!(shop.lines(), ["1 1", "3 1", "101 1"]);
    assert_eq!(
        Arc::strong_count(&shop),
        1,
        "nobody holds the closure any more"
    );
    let stats = bus.close().await?.stats;
    assert_eq!((stats.total.abandoned, stats.total.dead), (3, 0));
    assert_adds_up(&stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_closed_tries_again_what_has_failed() -> anyhow::Result<()> {
    let shop = Shop::new();
    let bus = Bus::empty().start().await?;
    let inside = Arc::clone(&shop);
    let listener = bus
        .subscription::<u32>("parked.closed")
        .concurrency(2)
        .retry(retry())
        .listen(async move |number: Signal<u32>| inside.handle(&number).await)?;
    for number in [1_u32, 3, 5] {
        bus.publish("parked.closed", number).await?;
    }
    breathe().await;
    listener.close().await?;
    let lines = shop.lines();
    assert_eq!(lines[3..], ["1 2", "3 2", "5 2"], "{lines:?}");
    assert_eq!(bus.close().await?.stats.total.done, 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn when_the_owner_is_gone_nothing_is_tried_again() -> anyhow::Result<()> {
    let shop = Shop::new();
    let bus = Bus::empty().on_error(|_, _| {}).start().await?;
    let (owner, inside) = (Arc::new(()), Arc::clone(&shop));
    bus.subscription::<u32>("parked.owned")
        .concurrency(2)
        .retry(retry())
        .listen(async move |number: Signal<u32>| inside.handle(&number).await)?
        .close_on_drop_of(&owner)
        .detach();
    bus.publish("parked.owned", 1_u32).await?;
    breathe().await;
    drop(owner);
    let begun = Instant::now();
    bus.settled().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(shop.lines(), ["1 1"]);
    let stats = bus.close().await?.stats;
    assert_eq!((stats.total.abandoned, stats.total.dead), (1, 0));
    assert_adds_up(&stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_member_that_leaves_a_group_goes_on_with_what_it_has_begun() -> anyhow::Result<()> {
    let (first, other) = (Shop::new(), Shop::new());
    let bus = Bus::empty().start().await?;
    let join = |shop: &Arc<Shop>| {
        let inside = Arc::clone(shop);
        bus.subscription::<u32>("parked.group")
            .concurrency(2)
            .retry(retry())
            .group("shops")
            .listen(async move |number: Signal<u32>| inside.handle(&number).await)
    };
    let leaves = join(&first)?;
    for number in [1_u32, 3, 5] {
        bus.publish("parked.group", number).await?;
    }
    breathe().await;
    assert_eq!(first.lines(), ["1 1", "3 1", "5 1"], "it is alone");
    let stays = join(&other)?;
    drop(leaves);
    for number in [100_u32, 102, 2] {
        bus.publish("parked.group", number).await?;
    }
    breathe().await;
    assert_eq!(
        other.lines(),
        ["100 1", "102 1"],
        "no more than it may have at once"
    );
    sleep(Duration::from_secs(11)).await;
    assert_eq!(first.lines(), ["1 2", "3 2", "5 2"]);
    other.gate.add_permits(2);
    bus.settled().await;
    assert_eq!(other.lines(), ["2 1"]);
    stays.close().await?;
    let stats = bus.close().await?.stats;
    assert_eq!((stats.total.done, stats.total.abandoned), (6, 0));
    assert_adds_up(&stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_circle_of_handlers_is_told_from_a_wait_for_another_attempt() -> anyhow::Result<()> {
    // One handler waits for the room that a retry will give back.
    let shop = Shop::new();
    let bus = bus(&shop).start().await?;
    for number in [1_u32, 3, 2] {
        bus.publish("parked.circle", number).await?;
    }
    let begun = Instant::now();
    bus.settled().await;
    assert_eq!(begun.elapsed().as_secs(), 10);
    let stats = bus.close().await?.stats;
    assert_eq!((stats.total.done, stats.over_capacity), (4, 0));

    // Two handlers wait, and the retry finds no call.
    let bus = self::bus(&shop).start().await?;
    for number in [1_u32, 100, 102] {
        bus.publish("parked.circle", number).await?;
        breathe().await;
    }
    sleep(Duration::from_secs(11)).await;
    shop.gate.add_permits(2);
    timeout(Duration::from_secs(1), bus.settled()).await?;
    let stats = bus.close().await?.stats;
    assert_eq!(stats.total.done, 5);
    assert!(0 < stats.over_capacity);
    assert_adds_up(&stats);
    Ok(())
}
