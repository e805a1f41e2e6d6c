//! Subscribers of one topic that one task drives: each goes on by itself where it has to, and comes back.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{
    Bus, BusGuard, BusHandle, Signal, SignalId, current, inject, publisher, subscriber,
};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::ledger::assert_adds_up;

/// Who has handled so many signals without waiting is driven with the others again.
const ENOUGH: u32 = 100;
/// Time is paused, so this is over when nobody has anything to do.
const A_WHILE: Duration = Duration::from_millis(100);

/// What the subscribers of this file do and have seen.
#[derive(Debug)]
struct World {
    broken: AtomicBool,
    gate: Semaphore,
    one: Mutex<Vec<u32>>,
    two: Mutex<Vec<u32>>,
    three: AtomicU32,
    led: Mutex<Vec<(u32, SignalId)>>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            broken: AtomicBool::new(true),
            gate: Semaphore::new(0),
            one: Mutex::default(),
            two: Mutex::default(),
            three: AtomicU32::new(0),
            led: Mutex::default(),
        }
    }
}

impl World {
    fn one(&self) -> Vec<u32> {
        self.one.lock().unwrap().clone()
    }

    fn two(&self) -> Vec<u32> {
        self.two.lock().unwrap().clone()
    }

    fn three(&self) -> u32 {
        self.three.load(Ordering::Relaxed)
    }

    /// Fails the first time it is asked.
    fn fail_once(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.broken.swap(false, Ordering::Relaxed), "it is broken");
        Ok(())
    }
}

mod roomy {
    use super::*;

    #[subscriber("convoys.roomy", capacity = 1000)]
    async fn picky(number: u32, #[inject] world: &World) -> anyhow::Result<()> {
        world.one.lock().unwrap().push(number);
        world.fail_once()
    }

    #[subscriber("convoys.roomy", capacity = 1000)]
    async fn beside(_number: &u32) {}
}

mod narrow {
    use super::*;

    #[subscriber("convoys.narrow", capacity = 16)]
    async fn picky(number: u32, #[inject] world: &World) -> anyhow::Result<()> {
        world.one.lock().unwrap().push(number);
        world.fail_once()
    }

    #[subscriber("convoys.narrow", capacity = 16)]
    async fn beside(_number: &u32) {}
}

mod single {
    use super::*;

    #[subscriber("convoys.single", capacity = 1)]
    async fn picky(number: u32, #[inject] world: &World) -> anyhow::Result<()> {
        world.one.lock().unwrap().push(number);
        world.fail_once()
    }

    #[subscriber("convoys.single", capacity = 1)]
    async fn replays(number: u32, #[inject] bus: &BusHandle) -> anyhow::Result<()> {
        if number == ENOUGH {
            bus.dead_letters().replay_all().await?;
        }
        Ok(())
    }
}

mod waiting {
    use super::*;

    #[subscriber("convoys.waiting", capacity = 64)]
    async fn waits(number: u32, #[inject] world: &World) -> anyhow::Result<()> {
        if number == 0 {
            world.gate.acquire().await?.forget();
        }
        world.one.lock().unwrap().push(number);
        Ok(())
    }

    #[subscriber("convoys.waiting", capacity = 64)]
    async fn beside(number: u32, #[inject] world: &World) {
        world.two.lock().unwrap().push(number);
    }
}

mod both {
    use super::*;

    #[subscriber("convoys.both")]
    async fn one(number: u32) {
        if number == 0 {
            yield_now().await;
        }
    }

    #[subscriber("convoys.both")]
    async fn two(number: u32) {
        if number == 0 {
            yield_now().await;
        }
    }
}

mod to_and_fro {
    use super::*;

    #[subscriber("convoys.to_and_fro", capacity = 16)]
    async fn seldom(number: u32, #[inject] world: &World) {
        if number % 90 == 0 {
            yield_now().await;
        }
        world.one.lock().unwrap().push(number);
    }

    #[subscriber("convoys.to_and_fro", capacity = 16)]
    async fn at_times(number: u32, #[inject] world: &World) -> anyhow::Result<()> {
        world.two.lock().unwrap().push(number);
        match number % 120 {
            0 => yield_now().await,
            1 => anyhow::bail!("a test fails"),
            2 => panic!("a test panics"),
            _ => {}
        }
        Ok(())
    }

    #[subscriber("convoys.to_and_fro", capacity = 16)]
    async fn never(_number: &u32, #[inject] world: &World) {
        world.three.fetch_add(1, Ordering::Relaxed);
    }
}

mod labels {
    use super::*;

    #[subscriber("convoys.labels")]
    #[publisher("convoys.labels.next")]
    async fn waits(signal: Signal<u32>, #[inject] world: &World) -> u32 {
        if *signal % 50 == 0 {
            yield_now().await;
        }
        world.led.lock().unwrap().push((*signal, signal.id()));
        *signal
    }

    #[subscriber("convoys.labels")]
    #[publisher("convoys.labels.next")]
    async fn beside(number: u32) -> u32 {
        number
    }

    #[subscriber("convoys.labels")]
    async fn by_hand(number: u32) -> anyhow::Result<()> {
        if number % 70 == 0 {
            yield_now().await;
        }
        let bus = current().expect("it is in a bus");
        bus.publish("convoys.labels.next", number).await?;
        Ok(())
    }

    #[subscriber("convoys.labels.next")]
    async fn next(signal: Signal<u32>, #[inject] world: &World) {
        let led = world.led.lock().unwrap();
        let parent = signal.parent_id().expect("a handler has published it");
        assert_eq!(signal.root_id(), parent);
        // What has not waited may come before whoever says which it was.
        let known = led.iter().find(|(number, _)| number == &*signal);
        assert!(known.is_none_or(|(_, id)| *id == parent), "{}", *signal);
        world.three.fetch_add(1, Ordering::Relaxed);
    }
}

mod endless {
    use super::*;

    #[subscriber("convoys.endless", capacity = 4)]
    #[publisher("convoys.endless")]
    async fn again(number: u32, #[inject] world: &World) -> Option<u32> {
        world
            .broken
            .load(Ordering::Relaxed)
            .then(|| number.wrapping_add(1))
    }

    #[subscriber("convoys.endless", capacity = 4)]
    async fn beside(_number: &u32) {}
}

async fn start(module: &'static str, world: &Arc<World>) -> anyhow::Result<BusGuard> {
    let bus = Bus::new().within(module).on_error(|_, _| {});
    let bus = bus.panic_limit(usize::MAX, A_WHILE);
    Ok(bus.provide_arc(Arc::clone(world)).start().await?)
}

/// Publishes one after the other, so that who does not wait comes home.
async fn publish(bus: &BusGuard, topic: &str, numbers: u32) -> anyhow::Result<()> {
    for number in 0..numbers {
        bus.publish(topic, number).await?;
        bus.settled().await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_has_come_home_hears_what_is_for_it_alone() -> anyhow::Result<()> {
    let world = Arc::new(World::default());
    let bus = start(concat!(module_path!(), "::roomy"), &world).await?;
    publish(&bus, "convoys.roomy", ENOUGH).await?;
    assert_eq!(bus.dead_letters().replay_all().await?, 1);
    timeout(A_WHILE, bus.settled()).await?;
    assert_eq!(world.one().last(), Some(&0));
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_has_come_home_ends_with_the_bus() -> anyhow::Result<()> {
    let world = Arc::new(World::default());
    let bus = start(concat!(module_path!(), "::both"), &world).await?;
    publish(&bus, "convoys.both", ENOUGH).await?;
    assert_eq!(bus.close().await?.elapsed, Duration::ZERO);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_replay_sees_the_room_there_is() -> anyhow::Result<()> {
    let world = Arc::new(World::default());
    let bus = start(concat!(module_path!(), "::narrow"), &world).await?;
    publish(&bus, "convoys.narrow", ENOUGH).await?;
    let letters = bus.dead_letters();
    assert_eq!(timeout(A_WHILE, letters.replay_all()).await??, 1);
    bus.settled().await;
    assert_eq!(world.one().last(), Some(&0));
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_replay_hears_of_room_that_is_made_with_others() -> anyhow::Result<()> {
    let world = Arc::new(World::default());
    let bus = start(concat!(module_path!(), "::single"), &world).await?;
    timeout(A_WHILE, publish(&bus, "convoys.single", ENOUGH + 1)).await??;
    assert_eq!(world.one()[1..], [(1..=ENOUGH).collect(), vec![0]].concat());
    let report = bus.close().await?;
    assert_eq!(
        (report.stats.total.dead, report.stats.over_capacity),
        (1, 0)
    );
    assert_adds_up(&report.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_waits_holds_up_nobody_beside_it() -> anyhow::Result<()> {
    let world = Arc::new(World::default());
    let bus = start(concat!(module_path!(), "::waiting"), &world).await?;
    for number in 0..50_u32 {
        bus.try_publish("convoys.waiting", number)?;
    }
    tokio::time::sleep(A_WHILE).await;
    assert_eq!((world.one().len(), world.two().len()), (0, 50));
    assert_adds_up(&bus.stats());

    world.gate.add_permits(1);
    bus.settled().await;
    assert_eq!(world.one(), (0..50).collect::<Vec<_>>());
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_has_all_once_and_in_order_wherever_it_is_driven() -> anyhow::Result<()> {
    for together in [1, 2, 7, 16] {
        let world = Arc::new(World::default());
        let bus = start(concat!(module_path!(), "::to_and_fro"), &world).await?;
        for number in 0..1000_u32 {
            bus.publish("convoys.to_and_fro", number).await?;
            assert_adds_up(&bus.stats());
            if number % together == 0 {
                bus.settled().await;
            }
        }
        let report = bus.close().await?;
        let all: Vec<_> = (0..1000).collect();
        assert_eq!((world.one(), world.two()), (all.clone(), all));
        assert_eq!(world.three(), 1000);
        let total = report.stats.total;
        assert_eq!((total.done, total.dead), (3000 - 18, 18));
        assert_adds_up(&report.stats);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_publishes_as_the_handler_of_its_signal() -> anyhow::Result<()> {
    let world = Arc::new(World::default());
    let bus = start(concat!(module_path!(), "::labels"), &world).await?;
    for number in 0..200_u32 {
        bus.publish("convoys.labels", number).await?;
        if number % 3 == 0 {
            bus.settled().await;
        }
    }
    let report = bus.close().await?;
    assert_eq!(report.stats.total.dead, 0);
    assert_eq!(world.three(), 3 * 200);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn endless_signals_let_others_have_their_turn() -> anyhow::Result<()> {
    let world = Arc::new(World::default());
    let bus = start(concat!(module_path!(), "::endless"), &world).await?;
    bus.publish("convoys.endless", 0_u32).await?;
    for _ in 0..100 {
        yield_now().await;
    }
    world.broken.store(false, Ordering::Relaxed);
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}
