//! Everything at once: subscriptions of all kinds come and go under load, and the ledger is right to the last signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use signal_bus::{Bus, BusHandle, Overflow, Signal, SubscriberEvent, Topic, inject, subscriber};
use tokio::task::{JoinSet, yield_now};

use crate::random::Random;

static KEPT: Topic<u64> = Topic::new("churn.kept").sticky();

/// What handlers and readers have had of it, and what they failed with.
#[derive(Default)]
struct Count {
    handled: AtomicU64,
    failed: AtomicU64,
    read: AtomicU64,
}

#[subscriber("churn.*", batch = 7, within = "1ms", concurrency = 2)]
async fn batched(numbers: Vec<u64>, #[inject] count: &Count) {
    yield_now().await;
    count
        .handled
        .fetch_add(numbers.len() as u64, Ordering::Relaxed);
}

#[subscriber(
    "churn.a",
    "churn.b",
    group = "churning",
    concurrency = 3,
    capacity = 16
)]
async fn member(number: u64, #[inject] count: &Count) -> anyhow::Result<()> {
    if number % 11 == 0 {
        count.failed.fetch_add(1, Ordering::Relaxed);
        anyhow::bail!("eleven");
    }
    yield_now().await;
    count.handled.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Comes and goes in one of many ways.
async fn visit(bus: &BusHandle, count: &Arc<Count>, random: &mut Random) -> anyhow::Result<()> {
    let pattern = ["churn.a", "churn.*", "churn.>", "churn.**"][random.below(4)];
    let handled = Arc::clone(count);
    let listen = async move |number: Signal<u64>| {
        if *number % 13 == 0 {
            handled.failed.fetch_add(1, Ordering::Relaxed);
            anyhow::bail!("thirteen");
        }
        yield_now().await;
        handled.handled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    match random.below(6) {
        0 => {
            let listener = bus
                .subscription::<u64>(pattern)
                .concurrency(2)
                .listen(listen)?;
            yield_now().await;
            listener.close().await?;
        }
        1 => {
            let listener = bus.listen(pattern, listen)?;
            yield_now().await;
            drop(listener);
        }
        2 => {
            let group = bus.subscription::<u64>(["churn.a", "churn.b"]);
            let member = group.group("churning").capacity(16).listen(listen)?;
            yield_now().await;
            member.close().await?;
        }
        3 => {
            let overflowing = bus.subscription::<u64>(pattern).capacity(2);
            let mut numbers = overflowing.overflow(Overflow::DropOldest).subscribe()?;
            yield_now().await;
            while numbers.try_recv().is_some() {
                count.read.fetch_add(1, Ordering::Relaxed);
            }
        }
        4 => {
            let mut numbers = bus.subscribe(KEPT)?;
            while numbers.try_recv().is_some() {
                count.read.fetch_add(1, Ordering::Relaxed);
            }
        }
        _ => {
            let owner = Arc::new(());
            let listener = bus.listen(pattern, listen)?.close_on_drop_of(&owner);
            listener.detach();
            yield_now().await;
            drop(owner);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_right_whatever_comes_and_goes() -> anyhow::Result<()> {
    let count = Arc::new(Count::default());
    let bus = Bus::empty()
        .with::<batched>()
        .with::<member>()
        .provide_arc(Arc::clone(&count))
        .on_error(|_, _| {})
        .close_timeout(Duration::from_secs(60))
        .start()
        .await?;
    let mut events = bus.subscribe::<SubscriberEvent>("$bus.subscriber.>")?;
    let over = Arc::new(AtomicBool::new(false));
    let mut visitors = JoinSet::new();
    for visitor in 0..8 {
        let (bus, count, over) = (bus.handle(), Arc::clone(&count), Arc::clone(&over));
        visitors.spawn(async move {
            let mut random = Random(visitor);
            while !over.load(Ordering::Relaxed) {
                visit(&bus, &count, &mut random).await?;
            }
            anyhow::Ok(())
        });
    }
    let mut publishers = JoinSet::new();
    for publisher in 0..4_u64 {
        let bus = bus.handle();
        publishers.spawn(async move {
            for number in 0..5_000 {
                let topics = ["churn.a", "churn.b", "churn.c"];
                let topic = topics[usize::try_from(number % 3)?];
                match number % 50 {
                    0 => drop(bus.publish(KEPT, number).await?),
                    // A publish that is dropped half-way reaches all or none.
                    1 => {
                        let publish = bus.publish(topic, number);
                        drop(tokio::time::timeout(Duration::ZERO, publish).await);
                    }
                    _ => drop(bus.publish(topic, number * 4 + publisher).await?),
                }
            }
            anyhow::Ok(())
        });
    }
    for publisher in publishers.join_all().await {
        publisher?;
    }
    let stats = bus.stats().total;
    assert_eq!(
        stats.accepted,
        stats.done + stats.dead + stats.dropped + stats.abandoned + stats.outstanding,
        "in the middle of it"
    );
    over.store(true, Ordering::Relaxed);
    for visitor in visitors.join_all().await {
        visitor?;
    }
    while events.try_recv().is_some() {
        count.read.fetch_add(1, Ordering::Relaxed);
    }
    drop(events);
    let total = bus.close().await?.stats.total;
    let (handled, failed, read) = (&count.handled, &count.failed, &count.read);
    let [handled, failed, read] = [handled, failed, read].map(|one| one.load(Ordering::Relaxed));
    assert_eq!(total.outstanding, 0);
    assert_eq!(
        total.accepted,
        total.done + total.dead + total.dropped + total.abandoned
    );
    assert_eq!((total.done, total.dead), (handled + read, failed));
    println!("{total}");
    Ok(())
}
