//! Several threads at once, and the ledger is exact: publishers, logs and queues of their own, cancelled waits, who comes and
//! goes, and a close in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use signal_bus::{Bus, BusHandle, Overflow, PublishError, Signal, inject, subscriber};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};

use crate::ledger::{Ledger, Numbered, assert_adds_up};
use crate::random::Random;
#[cfg(target_os = "linux")]
use crate::sizes::size;

const PUBLISHERS: u32 = 8;

/// What each of the subscribers has seen.
#[derive(Debug, Default)]
struct World {
    ledgers: [Ledger; 4],
}

impl World {
    async fn handle(&self, place: usize, signal: Numbered) {
        if (signal.1 % 5) as usize == place {
            yield_now().await;
        }
        self.ledgers[place].handle(signal);
    }
}

mod subjects {
    use super::*;

    #[subscriber("soak.all", capacity = 16)]
    async fn one(signal: Numbered, #[inject] world: &World) {
        world.handle(0, signal).await;
    }

    #[subscriber("soak.all", capacity = 16)]
    async fn two(signal: &Numbered, #[inject] world: &World) {
        world.handle(1, *signal).await;
    }

    #[subscriber("soak.all", capacity = 9, timeout = "1h")]
    async fn timed(signal: Numbered, #[inject] world: &World) {
        world.handle(2, signal).await;
    }

    #[subscriber("soak.*", capacity = 64)]
    async fn every(signal: Numbered, #[inject] world: &World) {
        world.handle(3, signal).await;
    }
}

/// Publishes until the bus is closed; some waits it gives up.
async fn publish(bus: BusHandle, world: Arc<World>, publisher: u32) {
    let mut random = Random(u64::from(publisher));
    for number in 0.. {
        let signal = (publisher, number);
        let published = match random.below(4) {
            0 => bus.try_publish("soak.all", signal),
            1 => {
                let wait = Duration::from_micros(random.below(200) as u64);
                match timeout(wait, bus.publish("soak.all", signal)).await {
                    Ok(published) => published,
                    Err(_) => Err(PublishError::Full(signal)),
                }
            }
            _ => bus.publish("soak.all", signal).await,
        };
        for ledger in &world.ledgers {
            match &published {
                Ok(_) => ledger.accept(signal),
                Err(_) => ledger.refuse(signal),
            }
        }
        match published {
            Err(PublishError::Closed(_)) => return,
            _ => yield_now().await,
        }
    }
}

/// Comes and goes until the bus is closed.
async fn visit(bus: BusHandle) {
    while let Ok(listener) = bus
        .subscription::<Numbered>("soak.all")
        .capacity(4)
        .listen(async |_: Signal<Numbered>| yield_now().await)
    {
        yield_now().await;
        if listener.waiting() % 2 == 0 {
            drop(listener);
        } else if listener.close().await.is_err() {
            return;
        }
        assert_adds_up(&bus.stats());
    }
}

async fn round(number: u64) -> anyhow::Result<()> {
    let world = Arc::new(World::default());
    let bus = Bus::new().within(concat!(module_path!(), "::subjects"));
    let bus = bus.provide_arc(Arc::clone(&world)).start().await?;
    let mut tasks = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        tasks.spawn(publish(bus.handle(), Arc::clone(&world), publisher));
    }
    tasks.spawn(visit(bus.handle()));
    sleep(Duration::from_millis(5 + number % 20)).await;
    let report = timeout(Duration::from_secs(20), bus.close()).await??;
    tasks.join_all().await;
    assert_adds_up(&report.stats);
    assert_eq!(report.stats.over_capacity, 0);
    for subscription in &report.stats.subscriptions {
        assert_eq!(
            subscription.tally.accepted, subscription.tally.done,
            "{}",
            subscription.site
        );
    }
    let mut stats = report.stats;
    // What visitors have left is not what these have lost.
    stats.total.abandoned = 0;
    for ledger in &world.ledgers {
        ledger.balance(&stats).assert_clean();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_close_in_the_middle_of_everything_loses_nothing() -> anyhow::Result<()> {
    for number in 0..100 {
        round(number).await?;
    }
    Ok(())
}

/// Memory that the program has, in pages.
#[cfg(target_os = "linux")]
fn pages() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let resident = statm.split(' ').nth(1).expect("it is the second number");
    resident.parse().expect("it is a number")
}

/// Tells every few seconds how far it is; never ends.
#[cfg(target_os = "linux")]
async fn tell(overflow: Overflow, seconds: u64, handled: Arc<AtomicU32>) {
    let begun = Instant::now();
    loop {
        sleep(Duration::from_secs(5)).await;
        let (passed, handled) = (begun.elapsed().as_secs(), handled.load(Ordering::Relaxed));
        println!("{overflow:?}: {passed} of {seconds} s, {handled} handled");
    }
}

/// Ten times as much as is handled, for `SOAK_SECONDS` (60) under each policy.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes minutes; CONTRIBUTING.md says how to run it"]
async fn overload_takes_no_memory_and_keeps_the_ledger() -> anyhow::Result<()> {
    let seconds = size("SOAK_SECONDS", 60);
    for overflow in [Overflow::Wait, Overflow::DropOldest, Overflow::DropNewest] {
        let bus = Bus::empty().start().await?;
        let handled = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&handled);
        let progress = tokio::spawn(tell(overflow, seconds, Arc::clone(&handled)));
        let listener = bus
            .subscription::<Vec<u8>>("soak.overload")
            .overflow(overflow)
            .listen(async move |_: Signal<Vec<u8>>| {
                sleep(Duration::from_millis(1)).await;
                count.fetch_add(1, Ordering::Relaxed);
            })?;
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut tasks = JoinSet::new();
        for _ in 0..PUBLISHERS {
            let bus = bus.handle();
            tasks.spawn(async move {
                let mut accepted = 0_u64;
                while Instant::now() < end {
                    bus.publish("soak.overload", vec![0_u8; 1024]).await?;
                    accepted += 1;
                    // Eight publishers of two signals a tick: far more than one handler does.
                    if accepted % 2 == 0 {
                        sleep(Duration::from_millis(1)).await;
                    }
                }
                anyhow::Ok(accepted)
            });
        }
        sleep(Duration::from_secs(seconds / 4)).await;
        let before = pages();
        let mut accepted = 0;
        while let Some(published) = tasks.join_next().await {
            accepted += published??;
        }
        progress.abort();
        let after = pages();
        assert!(
            after <= before + before / 4,
            "{overflow:?}: from {before} pages to {after}"
        );
        assert_adds_up(&bus.stats());
        listener.close().await?;
        let total = bus.close().await?.stats.total;
        println!("{overflow:?}: {total}, from {before} pages to {after}");
        let done = u64::from(handled.load(Ordering::Relaxed));
        assert_eq!(total.accepted, accepted, "{total}");
        assert_eq!(total.done, done, "{total}");
        assert_eq!(total.done + total.dropped, accepted, "{total}");
    }
    Ok(())
}
