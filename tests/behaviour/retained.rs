//! What is kept for those who come later: the newest signal of a sticky topic, and histories.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use signal_bus::{Bus, Overflow, SubscribeError, Subscription, Topic, publisher};

static CONFIG: Topic<u32> = Topic::new("retained.config").sticky();

#[publisher(CONFIG)]
async fn configure(value: u32) -> u32 {
    value
}

fn read(numbers: &mut Subscription<u32>) -> Vec<u32> {
    std::iter::from_fn(|| numbers.try_recv())
        .map(|signal| *signal)
        .collect()
}

#[tokio::test]
async fn a_late_subscriber_gets_the_newest_signal_of_a_sticky_topic_first() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    bus.publish(CONFIG, 1).await?;
    configure(2).await;
    let mut late = bus.subscribe(CONFIG)?;
    let mut wide = bus.subscribe::<u32>("retained.*")?;
    let mut from_now = bus.subscription(CONFIG).from_now().subscribe()?;
    bus.publish(CONFIG, 3).await?;
    assert_eq!(read(&mut late), [2, 3]);
    assert_eq!(read(&mut wide), [2, 3]);
    assert_eq!(read(&mut from_now), [3]);
    let other: Topic<u32> = Topic::new("retained.other").sticky();
    bus.publish(other, 4).await?;
    let mut all = bus.subscribe::<u32>("retained.>")?;
    assert_eq!(read(&mut all), [3, 4], "one of each topic, in order");
    let heard = bus.once(CONFIG)?;
    assert_eq!(heard.await.as_deref(), Some(&3));
    Ok(())
}

#[tokio::test]
async fn what_is_sticky_is_said_by_any_side() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    bus.publish("retained.config", 1_u32).await?;
    let mut plain = bus.subscribe::<u32>("retained.config")?;
    assert_eq!(
        read(&mut plain),
        [1],
        "an attribute has declared the topic to be sticky"
    );
    let named: Topic<u32> = Topic::new("retained.by.hand");
    bus.publish(named, 1).await?;
    bus.publish(named.sticky(), 2).await?;
    bus.publish(named, 3).await?;
    let mut late = bus.subscribe(named)?;
    assert_eq!(read(&mut late), [3], "once said it stays so");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_a_sticky_topic_under_load_sees_no_gap_and_no_double() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let (over, joined) = (Arc::<AtomicBool>::default(), Arc::<AtomicU32>::default());
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (bus, over, joined) = (bus.handle(), Arc::clone(&over), Arc::clone(&joined));
        readers.spawn(async move {
            while !over.load(Ordering::Acquire) {
                let mut numbers = bus.subscribe(CONFIG).unwrap();
                let mut last = None;
                for _ in 0..20 {
                    match numbers.recv().await {
                        Some(next) => {
                            assert!(last.is_none_or(|last| last + 1 == *next));
                            last = Some(*next);
                        }
                        None => break,
                    }
                    if over.load(Ordering::Acquire) {
                        break;
                    }
                }
                joined.fetch_add(u32::from(last.is_some()), Ordering::AcqRel);
            }
        });
    }
    let mut number = 0;
    while joined.load(Ordering::Acquire) < 1_000 {
        bus.publish(CONFIG, number).await?;
        number += 1;
    }
    over.store(true, Ordering::Release);
    // Whoever still waits gets one more.
    bus.publish(CONFIG, number).await?;
    readers.join_all().await;
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_history_is_read_from_its_beginning_or_from_a_number() -> anyhow::Result<()> {
    let bus = Bus::empty().history("orders.>", 4).start().await?;
    let mut orders = bus.subscribe::<u32>("orders.*")?;
    let mut sequences = Vec::new();
    for number in 0..6_u32 {
        let topic = format!("orders.{number}");
        bus.publish(&topic, number).await?;
        sequences.push(orders.try_recv().unwrap().sequence());
        bus.publish("elsewhere", number).await?;
    }
    let mut oldest = bus
        .subscription::<u32>("orders.*")
        .from_oldest()
        .subscribe()?;
    let from = |sequence: u64| {
        bus.subscription::<u32>("orders.>")
            .from_sequence(sequence)
            .subscribe()
    };
    let mut fourth = from(sequences[4])?;
    let mut next = from(sequences[5] + 1)?;
    let mut beyond = from(u64::MAX)?;
    let mut one = bus
        .subscription::<u32>("orders.3")
        .from_oldest()
        .subscribe()?;
    bus.publish("orders.6", 6_u32).await?;
    assert_eq!(read(&mut oldest), [2, 3, 4, 5, 6]);
    assert_eq!(read(&mut fourth), [4, 5, 6]);
    assert_eq!(read(&mut next), [6]);
    assert_eq!(read(&mut beyond), [6]);
    assert_eq!(read(&mut one), [3]);
    match from(sequences[0]).unwrap_err() {
        SubscribeError::Forgotten { oldest } => {
            assert!(sequences[0] < oldest && oldest <= sequences[3], "{oldest}");
            assert_eq!(read(&mut from(oldest)?), [3, 4, 5, 6]);
        }
        error => panic!("{error}"),
    }
    let wider = bus
        .subscription::<signal_bus::AnyValue>("**")
        .from_oldest()
        .subscribe();
    assert_eq!(
        wider.unwrap_err().to_string(),
        "no history of the bus keeps everything that `**` hears: see `Bus::history`"
    );
    Ok(())
}

#[tokio::test]
async fn of_several_histories_the_longest_is_read() -> anyhow::Result<()> {
    let bus = Bus::empty().history("t.>", 1).history("t.x", 100);
    let bus = bus.start().await?;
    for number in 0..10_u32 {
        bus.publish("t.x", number).await?;
    }
    let late = bus.subscription::<u32>("t.x").from_oldest().subscribe()?;
    assert_eq!(late.waiting(), 10);
    Ok(())
}

#[tokio::test]
async fn a_history_longer_than_the_capacity_comes_whole() -> anyhow::Result<()> {
    let bus = Bus::empty().history("n", 100).start().await?;
    for number in 0..100_u32 {
        bus.publish("n", number).await?;
    }
    let mut late = bus
        .subscription::<u32>("n")
        .capacity(4)
        .overflow(Overflow::DropOldest)
        .from_oldest()
        .subscribe()?;
    assert_eq!(late.waiting(), 100);
    assert_eq!(bus.queue_lengths("n")[0].capacity, 100);
    assert_eq!(read(&mut late), (0..100).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_on_in_a_history_under_load_sees_no_gap_and_no_double() -> anyhow::Result<()> {
    const NUMBERS: u32 = 30_000;
    let bus = Bus::empty().history("n.*", 40_000).start().await?;
    let handle = bus.handle();
    let reader = tokio::spawn(async move {
        let (mut seen, mut from, mut joined) = (Vec::new(), 0, 0);
        while seen.last() != Some(&(NUMBERS - 1)) {
            let mut numbers = handle
                .subscription::<u32>("n.*")
                .from_sequence(from)
                .subscribe()
                .unwrap();
            for _ in 0..200 {
                let next = numbers.recv().await.unwrap();
                from = next.sequence() + 1;
                seen.push(*next);
                if *next == NUMBERS - 1 {
                    break;
                }
            }
            joined += 1;
        }
        (seen, joined)
    });
    for number in 0..NUMBERS {
        let topic = if number % 2 == 0 { "n.even" } else { "n.odd" };
        bus.publish(topic, number).await?;
    }
    let (seen, joined) = reader.await?;
    assert_eq!(seen, (0..NUMBERS).collect::<Vec<_>>());
    assert!(100 < joined, "{joined} joined");
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn kept_values_go_with_the_bus() -> anyhow::Result<()> {
    let value = Arc::new(7_u32);
    let bus = Bus::empty().history("kept", 10).start().await?;
    let kept: Topic<Arc<u32>> = Topic::new("kept").sticky();
    bus.publish(kept, Arc::clone(&value)).await?;
    assert_eq!(Arc::strong_count(&value), 2);
    bus.close().await?;
    assert_eq!(Arc::strong_count(&value), 1);
    Ok(())
}

#[tokio::test]
async fn a_subscription_says_that_its_topic_is_sticky_too() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let named: Topic<u32> = Topic::new("retained.by.reader").sticky();
    drop(bus.subscribe([named])?);
    bus.publish("retained.by.reader", 1_u32).await?;
    for other in 0..80_000_u32 {
        bus.publish(&format!("retained.once.{other}"), other)
            .await?;
    }
    bus.publish("retained.by.reader", 2_u32).await?;
    let mut late = bus.subscribe::<u32>("retained.by.reader")?;
    assert_eq!(read(&mut late), [2], "also when the topic was forgotten");
    Ok(())
}
