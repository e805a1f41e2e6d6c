//! Who is there: counts, lifecycle signals, and what a subscription sees that comes and goes under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use signal_bus::{Bus, Signal, SubscriberEvent, inject, publisher, subscriber};
use tokio::sync::mpsc::UnboundedSender;

#[publisher("membership.created")]
async fn create() -> u32 {
    7
}

#[subscriber("membership.*")]
async fn hear(_number: &u32) {}

#[subscriber("membership.created", group = "pair")]
async fn one(_number: &u32) {}

#[subscriber("membership.created", group = "pair")]
async fn other(_number: &u32) {}

#[subscriber("$bus.subscriber.added.membership.>")]
async fn monitor(event: Signal<SubscriberEvent>, #[inject] told: &UnboundedSender<String>) {
    told.send(format!(
        "{} {} {}",
        event.topic(),
        event.pattern,
        event.count
    ))
    .unwrap();
}

#[tokio::test]
async fn subscribers_are_counted_by_name_and_by_pattern() -> anyhow::Result<()> {
    let bus = Bus::new().within(module_path!());
    let (told, _events) = tokio::sync::mpsc::unbounded_channel::<String>();
    let bus = bus.provide(told).start().await?;
    assert_eq!(
        bus.subscriber_count("membership.created"),
        3,
        "each member of a group counts"
    );
    assert!(bus.has_subscribers("membership.unpublished"));
    assert!(!bus.has_subscribers("elsewhere"));
    let late = bus.subscribe::<u32>("membership.**")?;
    let any = bus.listen_any("**", |_: Signal| {})?;
    assert_eq!(bus.subscriber_count("membership.created"), 5);
    create().await;
    assert!(bus.has_subscribers("membership.created"));
    assert_eq!(bus.subscriber_count("membership"), 2);
    drop(late);
    any.close().await?;
    assert_eq!(bus.subscriber_count("membership.created"), 3);
    assert_eq!(bus.subscriber_count("not..a.topic"), 0);
    Ok(())
}

#[tokio::test]
async fn queue_lengths_are_told_for_each_subscription() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let _orders = bus
        .subscription::<u32>("orders.*")
        .capacity(8)
        .subscribe()?;
    let _eu = bus.subscribe::<u32>("orders.eu")?;
    let _other = bus.subscribe::<u32>("other")?;
    bus.publish("orders.eu", 1_u32).await?;
    bus.publish("orders.us", 2_u32).await?;
    let lengths = bus.queue_lengths("orders.>");
    let told: Vec<_> = lengths
        .iter()
        .map(|one| (&*one.topics[0], one.waiting))
        .collect();
    assert_eq!(told, [("orders.*", 2), ("orders.eu", 1)]);
    assert_eq!((lengths[0].capacity, lengths[1].capacity), (8, 1024));
    assert!(bus.queue_lengths("a..b").is_empty());
    Ok(())
}

#[tokio::test]
async fn coming_and_going_is_told_with_the_live_count() -> anyhow::Result<()> {
    let (told, mut events) = tokio::sync::mpsc::unbounded_channel::<String>();
    let bus = Bus::new()
        .within(module_path!())
        .provide(told)
        .start()
        .await?;
    bus.settled().await;
    let mut started = Vec::new();
    while let Ok(event) = events.try_recv() {
        started.push(event);
    }
    assert_eq!(
        started,
        [
            r"$bus.subscriber.added.membership.\* membership.* 1",
            "$bus.subscriber.added.membership.created membership.created 2",
        ],
        "those of attributes are told when the bus has started"
    );

    let mut all = bus.subscribe::<SubscriberEvent>("$bus.subscriber.>")?;
    let first = bus.subscribe::<u32>("membership.>")?;
    let second = bus.listen("membership.>", |_: Signal<u32>| {})?;
    drop(first);
    second.close().await?;
    let mut seen = Vec::new();
    while let Some(event) = all.try_recv() {
        seen.push(format!("{} {}", event.topic(), event.count));
    }
    assert_eq!(
        seen,
        [
            r"$bus.subscriber.added.membership.\> 1",
            r"$bus.subscriber.added.membership.\> 2",
            r"$bus.subscriber.removed.membership.\> 1",
            r"$bus.subscriber.removed.membership.\> 0",
        ]
    );
    let exact = bus.subscribe::<SubscriberEvent>(r"$bus.subscriber.added.membership.\>")?;
    drop((
        bus.subscribe::<u32>("membership.*")?,
        bus.subscribe::<u32>("membership.>")?,
    ));
    assert_eq!(exact.waiting(), 1, "an escaped wildcard stands for itself");
    Ok(())
}

/// Each task joins, notes how many were accepted before and after, reads, leaves, and checks that it saw an unbroken part of the
/// sequence that begins and ends where it joined and left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_tasks_join_and_leave_during_a_million_publishes() -> anyhow::Result<()> {
    const SIGNALS: u64 = 1_000_000;
    let bus = Bus::empty().start().await?;
    let accepted = Arc::new(AtomicU64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..64_u64 {
        let (bus, accepted, over) = (bus.handle(), Arc::clone(&accepted), Arc::clone(&over));
        readers.spawn(async move {
            let (mut visits, mut gaps) = (0_u64, 0_u64);
            while !over.load(Ordering::Acquire) {
                let before = accepted.load(Ordering::Acquire);
                let pattern = if reader % 2 == 0 { "n.x" } else { "n.*" };
                let mut numbers = bus.subscribe::<u64>(pattern).unwrap();
                // What was accepted when the subscription was there already.
                let inside = accepted.load(Ordering::Acquire);
                let mut expected = None;
                for _ in 0..reader % 7 + 1 {
                    tokio::task::yield_now().await;
                    while let Some(number) = numbers.try_recv() {
                        gaps += u64::from(expected.is_some_and(|expected| expected != *number));
                        gaps += u64::from(
                            expected.is_none() && !(before..=inside + 1).contains(&*number),
                        );
                        expected = Some(*number + 1);
                    }
                }
                let left_after = accepted.load(Ordering::Acquire);
                numbers.close();
                let left_before = accepted.load(Ordering::Acquire);
                while let Some(number) = numbers.recv().await {
                    gaps += u64::from(expected.is_some_and(|expected| expected != *number));
                    expected = Some(*number + 1);
                }
                // All that was accepted before it left, and nothing that was begun after.
                if let Some(expected) = expected {
                    gaps += u64::from(!(left_after..=left_before + 2).contains(&expected));
                } else {
                    gaps += u64::from(inside + 1 < left_after);
                }
                visits += 1;
                for _ in 0..8 {
                    tokio::task::yield_now().await;
                }
            }
            (visits, gaps)
        });
    }
    for number in 0..SIGNALS {
        bus.publish("n.x", number).await?;
        accepted.store(number + 1, Ordering::Release);
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    over.store(true, Ordering::Release);
    let all = readers.join_all().await;
    let visits: u64 = all.iter().map(|(visits, _)| visits).sum();
    let gaps: u64 = all.iter().map(|(_, gaps)| gaps).sum();
    let total = bus.close().await?.stats.total;
    println!("{visits} visits, {gaps} gaps, {total}");
    assert_eq!(gaps, 0);
    assert_eq!(total.accepted, total.done);
    assert!(64 < visits);
    Ok(())
}
