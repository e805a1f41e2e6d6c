//! Subscribers of one topic that share its log: what happens to one of them does not happen to the others.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use signal_bus::{Bus, BusGuard, SubscriptionReport, inject, subscriber};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::ledger::assert_adds_up;

/// What the subscribers of this file do and have seen.
#[derive(Debug)]
struct World {
    broken: AtomicBool,
    fast: AtomicU32,
    slow: Mutex<Vec<u32>>,
    gate: Semaphore,
    neighbour: Semaphore,
}

impl World {
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            broken: AtomicBool::new(true),
            fast: AtomicU32::new(0),
            slow: Mutex::default(),
            gate: Semaphore::new(permits),
            neighbour: Semaphore::new(permits),
        })
    }

    fn fast(&self) -> u32 {
        self.fast.load(Ordering::Relaxed)
    }

    fn slow(&self) -> Vec<u32> {
        self.slow.lock().unwrap().clone()
    }

    /// Takes one of the permits there are, or ever will be.
    async fn pass(&self) {
        self.gate.acquire().await.unwrap().forget();
    }
}

mod pair {
    use super::*;

    #[subscriber("shared.pair", capacity = 16)]
    pub(super) async fn fast(_number: &u32, #[inject] world: &World) {
        world.fast.fetch_add(1, Ordering::Relaxed);
    }

    #[subscriber("shared.pair", capacity = 16)]
    pub(super) async fn slow(number: u32, #[inject] world: &World) {
        world.pass().await;
        world.slow.lock().unwrap().push(number);
    }
}

mod failing {
    use super::*;

    #[subscriber("shared.failing")]
    pub(super) async fn fast(_number: &u32, #[inject] world: &World) {
        world.fast.fetch_add(1, Ordering::Relaxed);
    }

    #[subscriber("shared.failing")]
    pub(super) async fn picky(number: &u32, #[inject] world: &World) -> anyhow::Result<()> {
        world.slow.lock().unwrap().push(*number);
        let broken = world.broken.load(Ordering::Relaxed);
        anyhow::ensure!(!broken || number % 2 == 0, "{number} is odd");
        Ok(())
    }
}

mod panicking {
    use super::*;

    #[subscriber("shared.panicking")]
    pub(super) async fn fast(_number: &u32, #[inject] world: &World) {
        world.fast.fetch_add(1, Ordering::Relaxed);
    }

    #[subscriber("shared.panicking")]
    pub(super) async fn broken(number: &u32, #[inject] world: &World) {
        assert!(!world.broken.load(Ordering::Relaxed), "a test panics");
        world.slow.lock().unwrap().push(*number);
    }
}

mod dropping {
    use super::*;

    #[subscriber("shared.dropping")]
    pub(super) async fn one(_value: &Arc<Mutex<u32>>) {}

    #[subscriber("shared.dropping")]
    pub(super) async fn two(_value: &Arc<Mutex<u32>>) {}
}

mod ring {
    use super::*;
    use signal_bus::publisher;

    #[subscriber("shared.ring.a", capacity = 1)]
    #[publisher("shared.ring.b")]
    pub(super) async fn there(left: u32) -> Option<u32> {
        left.checked_sub(1)
    }

    #[subscriber("shared.ring.a", capacity = 1)]
    pub(super) async fn beside(_left: &u32) {}

    #[subscriber("shared.ring.b", capacity = 1)]
    #[publisher("shared.ring.a")]
    pub(super) async fn back(left: u32) -> Option<u32> {
        left.checked_sub(1)
    }

    #[subscriber("shared.ring.b", capacity = 1)]
    pub(super) async fn beside_too(_left: &u32) {}
}

mod replayed {
    use super::*;

    #[subscriber("shared.replayed", capacity = 16)]
    pub(super) async fn picky(number: u32, #[inject] world: &World) -> anyhow::Result<()> {
        world.pass().await;
        world.slow.lock().unwrap().push(number);
        anyhow::ensure!(!world.broken.load(Ordering::Relaxed), "it is broken");
        Ok(())
    }

    #[subscriber("shared.replayed", capacity = 16)]
    pub(super) async fn beside(_number: &u32, #[inject] world: &World) {
        world.neighbour.acquire().await.unwrap().forget();
    }
}

mod overtaken {
    use super::*;
    use signal_bus::publisher;

    #[subscriber("shared.overtaken", capacity = 2)]
    #[publisher("shared.overtaken")]
    pub(super) async fn again(left: u32) -> Option<u32> {
        left.checked_sub(1)
    }

    #[subscriber("shared.overtaken", capacity = 2)]
    #[publisher("shared.overtaken")]
    pub(super) async fn sometimes(left: u32) -> Option<u32> {
        tokio::task::yield_now().await;
        left.checked_sub(1).filter(|left| left % 2 == 0)
    }

    #[subscriber("shared.overtaken", capacity = 2)]
    pub(super) async fn beside(left: &u32) {
        for _ in 0..*left {
            tokio::task::yield_now().await;
        }
    }
}

async fn start(module: &'static str, world: &Arc<World>) -> anyhow::Result<BusGuard> {
    let bus = Bus::new().within(module).on_error(|_, _| {});
    Ok(bus.provide_arc(Arc::clone(world)).start().await?)
}

fn of<'a>(subscriptions: &'a [SubscriptionReport], function: &str) -> &'a SubscriptionReport {
    let mut found = subscriptions.iter();
    let found = found.find(|one| one.site.function.ends_with(function));
    found.expect("it has subscribed")
}

#[tokio::test(start_paused = true)]
async fn a_slow_one_holds_up_publishers_at_its_capacity_and_nobody_else() -> anyhow::Result<()> {
    let world = World::new(0);
    let bus = start(concat!(module_path!(), "::pair"), &world).await?;
    let mut accepted = 0;
    let second = Duration::from_secs(1);
    while let Ok(published) = timeout(second, bus.publish("shared.pair", accepted)).await {
        assert_eq!(published?.receivers, 2);
        accepted += 1;
    }
    assert!(
        (14..=16).contains(&accepted),
        "an eighth fewer at most: {accepted}"
    );
    assert_eq!(world.fast(), accepted, "the fast one has had all");
    let waiting = bus.queue_lengths("shared.pair");
    assert_eq!(
        waiting.iter().map(|one| one.waiting).sum::<usize>(),
        accepted as usize - 1
    );

    world.gate.add_permits(1000);
    bus.publish("shared.pair", accepted).await?;
    let report = bus.close().await?;
    assert_eq!(world.slow(), (0..=accepted).collect::<Vec<_>>());
    assert_eq!(report.stats.over_capacity, 0);
    assert_adds_up(&report.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_the_middle_is_one_signal_of_one_subscriber() -> anyhow::Result<()> {
    let world = World::new(0);
    let bus = start(concat!(module_path!(), "::failing"), &world).await?;
    for number in 0..100_u32 {
        bus.try_publish("shared.failing", number)?;
    }
    bus.settled().await;
    let stats = bus.stats();
    let picky = of(&stats.subscriptions, "picky").tally;
    assert_eq!((picky.accepted, picky.done, picky.dead), (100, 50, 50));
    assert_eq!(of(&stats.subscriptions, "fast").tally.done, 100);
    assert_eq!(
        world.slow(),
        (0..100).collect::<Vec<_>>(),
        "each once, in order"
    );

    world.broken.store(false, Ordering::Relaxed);
    assert_eq!(bus.dead_letters().replay_all().await?, 50);
    bus.settled().await;
    assert_eq!(world.fast(), 100, "a replay is for who has failed");
    let odd: Vec<_> = (0..100).filter(|number| number % 2 == 1).collect();
    assert_eq!(world.slow()[100..], odd);
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_too_often_rests_alone_and_loses_nothing() -> anyhow::Result<()> {
    let world = World::new(0);
    let bus = start(concat!(module_path!(), "::panicking"), &world).await?;
    for number in 0..100_u32 {
        bus.try_publish("shared.panicking", number)?;
    }
    tokio::task::yield_now().await;
    while world.fast() < 100 {
        tokio::task::yield_now().await;
    }
    let stats = bus.stats();
    let broken = of(&stats.subscriptions, "broken");
    assert!(broken.tripped);
    assert_eq!((broken.tally.dead, broken.tally.outstanding), (6, 94));

    world.broken.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(2)).await;
    bus.settled().await;
    assert_eq!(world.slow(), (6..100).collect::<Vec<_>>());
    let report = bus.close().await?;
    assert!(!of(&report.stats.subscriptions, "broken").tripped);
    assert_adds_up(&report.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_what_was_not_begun_is_abandoned() -> anyhow::Result<()> {
    let world = World::new(3);
    let bus = start(concat!(module_path!(), "::pair"), &world).await?;
    for number in 0..10_u32 {
        bus.publish("shared.pair", number).await?;
    }
    let late = bus.close().await.unwrap_err();
    let report = late.report().expect("it has ended");
    let slow = of(&report.stats.subscriptions, "slow").tally;
    assert_eq!((slow.accepted, slow.done, slow.abandoned), (10, 3, 7));
    assert_eq!(of(&report.stats.subscriptions, "fast").tally.done, 10);
    assert_eq!(report.stuck.len(), 1);
    assert_adds_up(&report.stats);
    Ok(())
}

#[tokio::test]
async fn a_value_is_dropped_when_the_last_one_is_done_with_it() -> anyhow::Result<()> {
    let world = World::new(0);
    let bus = start(concat!(module_path!(), "::dropping"), &world).await?;
    let mut values: Vec<Weak<Mutex<u32>>> = Vec::new();
    for number in 0..3_u32 {
        let value = Arc::new(Mutex::new(number));
        values.push(Arc::downgrade(&value));
        bus.publish_shared("shared.dropping", value).await?;
    }
    bus.settled().await;
    // A worker lets go of the last one before it says that it is done.
    assert!(values.iter().all(|value| value.strong_count() == 0));
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_each_other_in_a_circle_is_let_through() -> anyhow::Result<()> {
    for both in [false, true] {
        let world = World::new(0);
        let bus = start(concat!(module_path!(), "::ring"), &world).await?;
        let (first, second) = tokio::join!(
            bus.publish("shared.ring.a", 50_u32),
            bus.publish(
                if both {
                    "shared.ring.b"
                } else {
                    "shared.ring.a"
                },
                50_u32
            ),
        );
        first?;
        second?;
        let report = timeout(Duration::from_secs(10), bus.close()).await??;
        assert_eq!(report.stats.published, 2 * 51);
        assert_eq!(report.stats.total.done, 2 * 2 * 51);
        assert_adds_up(&report.stats);
    }
    Ok(())
}

/// Fails the first signals of a bus, and repairs it.
async fn fail(bus: &BusGuard, world: &World, count: u32) -> anyhow::Result<()> {
    for number in 0..count {
        bus.try_publish("shared.replayed", number)?;
    }
    bus.settled().await;
    assert_eq!(bus.dead_letters().len(), count as usize);
    world.broken.store(false, Ordering::Relaxed);
    world.slow.lock().unwrap().clear();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_replayed_has_its_turn_and_takes_room() -> anyhow::Result<()> {
    let world = World::new(8);
    let bus = start(concat!(module_path!(), "::replayed"), &world).await?;
    fail(&bus, &world, 8).await?;
    world.neighbour.add_permits(1000);
    bus.try_publish("shared.replayed", 100_u32)?;
    bus.try_publish("shared.replayed", 101_u32)?;
    assert_eq!(bus.dead_letters().replay_all().await?, 8);
    let mut accepted = 0;
    while bus.try_publish("shared.replayed", 200 + accepted).is_ok() {
        accepted += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let stats = bus.stats();
    let picky = of(&stats.subscriptions, "picky").tally;
    assert!((14..=16).contains(&picky.outstanding), "{picky}");
    world.gate.add_permits(1000);
    bus.settled().await;
    let published = 200..200 + accepted;
    let order: Vec<_> = [100, 101]
        .into_iter()
        .chain(0..8)
        .chain(published)
        .collect();
    assert_eq!(world.slow(), order);
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_replay_waits_for_its_own_subscription_only() -> anyhow::Result<()> {
    let world = World::new(1);
    let bus = start(concat!(module_path!(), "::replayed"), &world).await?;
    fail(&bus, &world, 1).await?;
    while bus.try_publish("shared.replayed", 7_u32).is_ok() {
        tokio::task::yield_now().await;
    }
    let handle = bus.handle();
    let replay = tokio::spawn(async move { handle.dead_letters().replay_all().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!replay.is_finished(), "its subscription is full");
    world.gate.add_permits(1000);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(replay.is_finished(), "the one beside has not moved");
    assert_eq!(replay.await??, 1);
    world.neighbour.add_permits(1000);
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

/// Who waits for the log closes no circle as long as somebody else is behind, and does once nobody is.
#[tokio::test(start_paused = true)]
async fn who_falls_behind_while_it_waits_is_let_through() -> anyhow::Result<()> {
    for left in 1..10_u32 {
        let world = World::new(0);
        let bus = start(concat!(module_path!(), "::overtaken"), &world).await?;
        for _ in 0..4 {
            timeout(
                Duration::from_secs(10),
                bus.publish("shared.overtaken", left),
            )
            .await
            .unwrap_or_else(|_| panic!("{left}: nobody waits for ever"))?;
        }
        let report = bus.close().await?;
        assert_eq!(report.stats.total.done, 3 * report.stats.published);
        assert_adds_up(&report.stats);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_closed_topic_is_read_to_its_end() -> anyhow::Result<()> {
    let world = World::new(0);
    let bus = start(concat!(module_path!(), "::pair"), &world).await?;
    for number in 0..5_u32 {
        bus.publish("shared.pair", number).await?;
    }
    bus.close_topic("shared.pair")?;
    assert!(bus.publish("shared.pair", 9_u32).await.is_err());
    world.gate.add_permits(1000);
    let report = bus.close().await?;
    assert_eq!((world.fast(), world.slow().len()), (5, 5));
    assert_adds_up(&report.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_a_throttled_publisher_has_waiting_is_counted_strictly() -> anyhow::Result<()> {
    let world = World::new(0);
    let bus = start(concat!(module_path!(), "::pair"), &world).await?;
    let publisher = bus.publisher("shared").max_waiting(2);
    let mut accepted = 0_u32;
    while publisher.try_publish("pair", accepted).is_ok() {
        accepted += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(accepted, 3, "one is handled and two wait");
    world.gate.add_permits(1000);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_has_not_waited_takes_no_room_that_others_wait_for() -> anyhow::Result<()> {
    let world = World::new(0);
    let bus = start(concat!(module_path!(), "::pair"), &world).await?;
    let mut next = 0_u32;
    while bus.try_publish("shared.pair", next).is_ok() {
        next += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut context = Context::from_waker(Waker::noop());
    let mut first = pin!(bus.publish("shared.pair", 101_u32));
    let mut second = pin!(bus.publish("shared.pair", 102_u32));
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());

    world.gate.add_permits(6);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let mut passed = 0;
    while bus.try_publish("shared.pair", next).is_ok() {
        next += 1;
        passed += 1;
    }
    assert!(0 < passed, "there is room for more than those who wait");
    assert!(first.as_mut().poll(&mut context).is_ready());
    assert!(second.as_mut().poll(&mut context).is_ready());
    assert!(
        bus.try_publish("shared.pair", next).is_err(),
        "that was all"
    );
    world.gate.add_permits(1000);
    let report = bus.close().await?;
    assert_eq!(report.stats.over_capacity, 0);
    assert_adds_up(&report.stats);
    Ok(())
}
