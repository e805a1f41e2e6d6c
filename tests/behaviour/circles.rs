//! Handlers that wait for each other neither hang nor lose: what closes the circle is let through over capacity.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use signal_bus::{Bus, BusHandle, CloseReport, inject, publisher, subscriber};

use crate::ledger::assert_adds_up;
use crate::rates::Rate;
use crate::warnings::Warnings;

#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Count {
    fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

mod pair {
    use super::{Count, inject, publisher, subscriber};

    #[publisher("pair.a")]
    pub(super) async fn start(left: u32) -> u32 {
        left
    }

    #[subscriber("pair.a", capacity = 1)]
    #[publisher("pair.b")]
    async fn there(left: u32, #[inject] count: &Count) -> u32 {
        count.add();
        left
    }

    #[subscriber("pair.b", capacity = 1)]
    #[publisher("pair.a")]
    async fn back(left: u32) -> Option<u32> {
        left.checked_sub(1)
    }
}

/// Starts the functions of a module, publishes what is given, and closes; a hang ends after a time with an error.
async fn run(
    module: &str,
    count: &Arc<Count>,
    publish: impl Future<Output = ()>,
) -> anyhow::Result<CloseReport> {
    let bus = Bus::new().within(&format!("{}::{module}", module_path!()));
    let bus = bus.provide_arc(Arc::clone(count)).start().await?;
    let limit = std::time::Duration::from_secs(60);
    let begun = Instant::now();
    tokio::time::timeout(limit, publish).await?;
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    let (over, total) = (report.stats.over_capacity, report.stats.total);
    let rate = Rate::since(begun, total.done);
    println!("{module}: {over} over capacity, {total}; {rate}");
    Ok(report)
}

#[tokio::test(start_paused = true)]
async fn two_stages_that_feed_each_other_come_to_an_end() -> anyhow::Result<()> {
    let count = Arc::default();
    let publish = async {
        for _ in 0..20 {
            pair::start(50).await;
        }
    };
    run("pair", &count, publish).await?;
    assert_eq!(count.0.load(Ordering::Relaxed), 20 * 51);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stages_that_feed_each_other_come_to_an_end_on_two_threads() -> anyhow::Result<()> {
    let count = Arc::default();
    let publishers: Vec<_> = (0..8).map(|_| pair::start(200)).collect();
    let publish = async {
        for publisher in publishers {
            publisher.await;
        }
    };
    run("pair", &count, publish).await?;
    assert_eq!(count.0.load(Ordering::Relaxed), 8 * 201);
    Ok(())
}

/// Two that let others run in their calls: so both may be in one, and have no room for what the other one gives.
mod crossing {
    use super::{Instant, Mutex, publisher, subscriber};

    /// When a handler had its value ready, which was published then.
    pub(super) static READY: Mutex<Vec<Instant>> = Mutex::new(Vec::new());

    fn note() {
        READY.lock().unwrap().push(Instant::now());
    }

    #[publisher("crossing.a")]
    pub(super) async fn start(left: u32) -> u32 {
        left
    }

    #[subscriber("crossing.a", capacity = 1)]
    #[publisher("crossing.b")]
    async fn there(left: u32) -> u32 {
        tokio::task::yield_now().await;
        note();
        left
    }

    #[subscriber("crossing.b", capacity = 1)]
    #[publisher("crossing.a")]
    async fn back(left: u32) -> Option<u32> {
        tokio::task::yield_now().await;
        note();
        left.checked_sub(1)
    }
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_warned_of_once_with_all_who_are_in_it() -> anyhow::Result<()> {
    let (warnings, _hears) = Warnings::hear();
    let publish = async {
        for _ in 0..20 {
            crossing::start(50).await;
        }
    };
    let report = run("crossing", &Arc::default(), publish).await?;
    assert!(1 < report.stats.over_capacity);
    let mut said = warnings.take_with_times();
    said.retain(|(_, warning)| warning.starts_with("handlers wait for each other"));
    assert_eq!(said.len(), 1, "{said:?}");
    let (at, said) = said.remove(0);
    let ready = crossing::READY.lock().unwrap();
    let last = ready.iter().rfind(|ready| **ready <= at).unwrap();
    println!(
        "crossing: warned {:?} after the handler was ready to publish",
        at - *last
    );
    for function in ["crossing::there (", "crossing::back ("] {
        assert!(said.contains(function), "{said}");
    }
    Ok(())
}

mod doubling {
    use super::{Count, inject, publisher, subscriber};

    #[publisher("doubling")]
    pub(super) async fn start(depth: u32) -> u32 {
        depth
    }

    /// Each signal makes two, on its own topic.
    #[subscriber("doubling", capacity = 2, concurrency = 2)]
    async fn double(depth: u32, #[inject] count: &Count) {
        count.add();
        if 0 < depth {
            start(depth - 1).await;
            start(depth - 1).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn amplification_on_one_topic_comes_to_an_end() -> anyhow::Result<()> {
    let count = Arc::default();
    let report = run("doubling", &count, async {
        doubling::start(12).await;
    })
    .await?;
    assert_eq!(count.0.load(Ordering::Relaxed), (1 << 13) - 1);
    assert!(0 < report.stats.over_capacity);
    Ok(())
}

mod recursion {
    use super::{Count, inject, publisher, subscriber};

    #[publisher("recursion")]
    pub(super) async fn again(left: u32) -> u32 {
        left
    }

    #[subscriber("recursion", capacity = 1)]
    async fn recurse(left: u32, #[inject] count: &Count) {
        count.add();
        if 0 < left {
            again(left - 1).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn recursion_a_million_deep_comes_to_an_end() -> anyhow::Result<()> {
    let count = Arc::default();
    run("recursion", &count, async {
        recursion::again(1_000_000).await;
    })
    .await?;
    assert_eq!(count.0.load(Ordering::Relaxed), 1_000_001);
    Ok(())
}

mod split {
    use super::{Count, inject, publisher, subscriber};

    #[publisher("split.t")]
    pub(super) async fn start(number: u32) -> u32 {
        number
    }

    #[subscriber("split.t", "split.u", capacity = 1)]
    async fn both(_number: u32, #[inject] count: &Count) {
        count.add();
    }

    #[subscriber("split.t", capacity = 1)]
    #[publisher("split.u")]
    async fn on(number: u32) -> u32 {
        number
    }
}

/// A publisher that held room in one queue while it waited for the other would stop this for ever.
#[tokio::test(start_paused = true)]
async fn a_diamond_of_capacity_one_is_no_circle() -> anyhow::Result<()> {
    let count = Arc::default();
    let publish = async {
        for number in 0..500 {
            split::start(number).await;
        }
    };
    let report = run("split", &count, publish).await?;
    assert_eq!(count.0.load(Ordering::Relaxed), 1000);
    assert_eq!(report.stats.over_capacity, 0);
    Ok(())
}

mod ring {
    use super::{Count, inject, publisher, subscriber};

    #[publisher("ring.0")]
    pub(super) async fn start(left: u32) -> u32 {
        left
    }

    macro_rules! stage {
        ($name:ident, $from:literal, $to:literal) => {
            #[subscriber($from, capacity = 1)]
            #[publisher($to)]
            async fn $name(left: u32, #[inject] count: &Count) -> Option<u32> {
                count.add();
                // So all five may be in a call, and have no room for what the one before them gives.
                tokio::task::yield_now().await;
                left.checked_sub(1)
            }
        };
    }
    stage!(zero, "ring.0", "ring.1");
    stage!(one, "ring.1", "ring.2");
    stage!(two, "ring.2", "ring.3");
    stage!(three, "ring.3", "ring.4");
    stage!(four, "ring.4", "ring.0");
}

#[tokio::test(start_paused = true)]
async fn a_ring_of_five_comes_to_an_end() -> anyhow::Result<()> {
    let count = Arc::default();
    let publish = async {
        for _ in 0..10 {
            ring::start(99).await;
        }
    };
    let report = run("ring", &count, publish).await?;
    assert_eq!(count.0.load(Ordering::Relaxed), 10 * 100);
    assert!(0 < report.stats.over_capacity, "they never waited");
    Ok(())
}

mod free {
    use super::{BusHandle, inject, subscriber};
    use tokio::sync::Semaphore;

    #[subscriber("circles.free", capacity = 2, concurrency = 2)]
    async fn pass(
        number: u32,
        #[inject] gate: &Semaphore,
        #[inject] bus: &BusHandle,
    ) -> anyhow::Result<()> {
        match number {
            0 => gate.acquire().await?.forget(),
            1 => drop(bus.publish("circles.free", 2_u32).await?),
            _ => {}
        }
        Ok(())
    }
}

/// One of two handlers waits for room that the other one makes when it ends: nothing is let through for that.
#[tokio::test(start_paused = true)]
async fn who_waits_for_a_handler_that_can_end_is_in_no_circle() -> anyhow::Result<()> {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let bus = Bus::new().within(concat!(module_path!(), "::free"));
    let bus = bus.provide_arc(Arc::clone(&gate)).start().await?;
    for number in [0_u32, 1] {
        bus.publish("circles.free", number).await?;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bus.stats().total.outstanding, 2, "one waits for room");
    gate.add_permits(1);
    bus.settled().await;
    let stats = bus.close().await?.stats;
    assert_eq!((stats.total.done, stats.over_capacity), (3, 0));
    Ok(())
}

mod batches {
    use std::time::Duration;

    use signal_bus::{Bus, BusHandle, inject, subscriber};

    #[subscriber("circles.batches", batch = 4, within = "50ms", capacity = 4)]
    async fn again(numbers: Vec<u32>, #[inject] bus: &BusHandle) {
        if numbers.contains(&0) {
            for number in 1..=4_u32 {
                // The last one waits for this very batch, which is not full.
                bus.publish("circles.batches", number).await.unwrap();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_waits_for_itself_is_found() -> anyhow::Result<()> {
        let bus = Bus::empty().with::<again>().start().await?;
        bus.publish("circles.batches", 0_u32).await?;
        tokio::time::timeout(Duration::from_secs(5), bus.settled()).await?;
        let stats = bus.stats();
        assert_eq!((stats.total.done, stats.over_capacity), (5, 1));
        bus.close().await?;
        Ok(())
    }
}

mod refilled {
    use super::*;

    /// Where a handler waits, and what it tells when it goes on.
    #[derive(Debug)]
    pub(super) struct Gates {
        pub(super) goes: tokio::sync::Semaphore,
        pub(super) went: tokio::sync::Semaphore,
    }

    #[subscriber("circles.refilled.one", capacity = 1)]
    #[publisher("circles.refilled.two")]
    async fn there(number: u32) -> u32 {
        number
    }

    #[subscriber("circles.refilled.two", capacity = 2)]
    #[publisher("circles.refilled.one")]
    async fn back(number: u32, #[inject] gates: &Gates, #[inject] bus: &BusHandle) -> Option<u32> {
        if number == 0 {
            gates.goes.acquire().await.ok()?.forget();
            gates.went.add_permits(1);
            // Where several are woken, nobody goes before others who were.
            bus.publish("circles.refilled.aside", ()).await.ok()?;
        }
        (number == 1).then_some(2)
    }

    #[subscriber("circles.refilled.aside")]
    async fn aside(_signal: ()) {}
}

/// Who was told of room that somebody else has taken meanwhile may close a circle that nobody else sees.
#[tokio::test(start_paused = true)]
async fn room_that_somebody_else_has_taken_leaves_no_circle_behind() -> anyhow::Result<()> {
    let gates = Arc::new(refilled::Gates {
        goes: tokio::sync::Semaphore::new(0),
        went: tokio::sync::Semaphore::new(0),
    });
    let bus = Bus::new().within(concat!(module_path!(), "::refilled"));
    let bus = bus.provide_arc(Arc::clone(&gates)).start().await?;
    bus.publish("circles.refilled.two", 0_u32).await?;
    bus.publish("circles.refilled.two", 1_u32).await?;
    bus.publish("circles.refilled.one", 3_u32).await?;
    let (handle, went) = (bus.handle(), Arc::clone(&gates));
    // A task, so that it has its turn before who was told of the room.
    let refills = tokio::spawn(async move {
        went.went.acquire().await?.forget();
        anyhow::Ok(handle.try_publish("circles.refilled.two", 4_u32)?)
    });
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    gates.goes.add_permits(1);
    refills.await??;
    let second = std::time::Duration::from_secs(1);
    tokio::time::timeout(second, bus.settled()).await?;
    assert_eq!(bus.close().await?.stats.over_capacity, 1);
    Ok(())
}
