//! aiopubsub: a hub, keys with stars, publishers with prefixes, subscribers with queues and listeners.

use std::sync::Arc;

use signal_bus::{Bus, BusGuard, Listener, Signal, SubscribeError, SubscriberEvent};

use crate::Seen;

async fn hub() -> BusGuard {
    Bus::empty().start().await.unwrap()
}

/// A listener that notes topic and message.
fn listen(hub: &BusGuard, pattern: &str, seen: &Seen) -> Result<Listener, SubscribeError> {
    let seen = seen.clone();
    hub.listen(pattern, async move |message: Signal<&'static str>| {
        seen.add(format!("{} {}", message.topic(), *message));
    })
}

#[tokio::test]
async fn an_exact_key_hears_itself_only() -> anyhow::Result<()> {
    let (hub, seen) = (hub().await, Seen::default());
    let _listener = listen(&hub, "a.b", &seen)?;
    for topic in ["a", "a.b", "a.b.c", "a.c"] {
        hub.publish(topic, "x").await?;
    }
    hub.settled().await;
    assert_eq!(seen.take(), ["a.b x"]);
    Ok(())
}

/// `Key('a', '*')` is `a.>`: one token or more.
#[tokio::test]
async fn a_trailing_star_hears_everything_below() -> anyhow::Result<()> {
    let (hub, seen) = (hub().await, Seen::default());
    let _listener = listen(&hub, "a.>", &seen)?;
    for topic in ["a", "a.b", "a.b.c", "b.a"] {
        hub.publish(topic, "x").await?;
    }
    hub.settled().await;
    assert_eq!(seen.take(), ["a.b x", "a.b.c x"]);
    Ok(())
}

/// A star in the middle, `Key('a', '*', 'c')`, is `*`: one token; `Key('*', 'b', '*')` is `*.b.>`.
#[tokio::test]
async fn a_middle_star_hears_one_part() -> anyhow::Result<()> {
    let (hub, seen, both) = (hub().await, Seen::default(), Seen::default());
    let _middle = listen(&hub, "a.*.c", &seen)?;
    let _both = listen(&hub, "*.b.>", &both)?;
    for topic in ["a.b.c", "a.x.c", "a.c", "a.b.b.c", "x.b.c", "x.b"] {
        hub.publish(topic, "x").await?;
    }
    hub.settled().await;
    assert_eq!(seen.take(), ["a.b.c x", "a.x.c x"]);
    assert_eq!(both.take(), ["a.b.c x", "a.b.b.c x", "x.b.c x"]);
    Ok(())
}

/// The example of its README: trades of two exchanges.
#[tokio::test]
async fn a_publisher_s_prefix_is_put_before_its_keys() -> anyhow::Result<()> {
    let (hub, all, nyse) = (hub().await, Seen::default(), Seen::default());
    let _all = listen(&hub, "*.trade.>", &all)?;
    let _nyse = listen(&hub, "NYSE.trade.>", &nyse)?;
    hub.publisher("NASDAQ")
        .publish("trade.GOOGL", "one")
        .await?;
    hub.publisher("NYSE").publish("trade.GOOGL", "two").await?;
    hub.settled().await;
    assert_eq!(
        all.take(),
        ["NASDAQ.trade.GOOGL one", "NYSE.trade.GOOGL two"]
    );
    assert_eq!(nyse.take(), ["NYSE.trade.GOOGL two"]);
    Ok(())
}

#[tokio::test]
async fn several_keys_of_one_listener_share_a_queue_and_an_order() -> anyhow::Result<()> {
    let (hub, seen) = (hub().await, Seen::default());
    let noted = seen.clone();
    let _listener = hub.listen(["a", "b.>"], async move |message: Signal<u32>| {
        tokio::task::yield_now().await;
        noted.add(message.to_string());
    })?;
    for number in 0..20_u32 {
        let topic = ["a", "b.x", "b.y"][number as usize % 3];
        hub.publish(topic, number).await?;
    }
    hub.settled().await;
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(seen.take(), expected);
    Ok(())
}

#[tokio::test]
async fn a_removed_listener_hears_nothing_more() -> anyhow::Result<()> {
    let (hub, seen) = (hub().await, Seen::default());
    let listener = listen(&hub, "a", &seen)?;
    hub.publish("a", "one").await?;
    listener.close().await?;
    assert_eq!(seen.take(), ["a one"], "what waited was handled");
    assert_eq!(hub.publish("a", "two").await?.receivers, 0);
    hub.settled().await;
    assert!(seen.take().is_empty());
    Ok(())
}

/// `remove_all_listeners` of a subscriber: its listeners leave with their owner.
#[tokio::test]
async fn all_listeners_of_a_subscriber_are_removed_together() -> anyhow::Result<()> {
    let (hub, seen) = (hub().await, Seen::default());
    let subscriber = Arc::new("trades");
    for pattern in ["a", "a.>", "**"] {
        listen(&hub, pattern, &seen)?
            .close_on_drop_of(&subscriber)
            .detach();
    }
    let other = listen(&hub, "a", &seen)?;
    assert_eq!(hub.subscriber_count("a"), 3);
    drop(subscriber);
    assert_eq!(hub.subscriber_count("a"), 1);
    hub.publish("a", "x").await?;
    other.close().await?;
    assert_eq!(seen.take(), ["a x"]);
    Ok(())
}

#[tokio::test]
async fn a_message_is_consumed_with_its_key() -> anyhow::Result<()> {
    let hub = hub().await;
    let mut subscriber = hub.subscribe::<&str>("a.b.>")?;
    hub.publisher("a")
        .publish("b.c", "Hello subscriber")
        .await?;
    let message = subscriber.recv().await.unwrap();
    assert_eq!((message.topic(), *message), ("a.b.c", "Hello subscriber"));
    Ok(())
}

#[tokio::test]
async fn a_subscriber_may_have_several_queues() -> anyhow::Result<()> {
    let hub = hub().await;
    let mut first = hub.subscribe::<u32>(["a", "b"])?;
    let mut second = hub.subscribe::<u32>("b")?;
    hub.publish("a", 1_u32).await?;
    hub.publish("b", 2_u32).await?;
    assert_eq!(second.try_recv().as_deref(), Some(&2));
    assert!(second.try_recv().is_none());
    assert_eq!(first.try_recv().as_deref(), Some(&1));
    assert_eq!(first.try_recv().as_deref(), Some(&2));
    Ok(())
}

/// `('Hub', 'addedSubscriber', ..)` is `$bus.subscriber.added…`, with `currentSubscriberCount` as `count`.
#[tokio::test]
async fn a_monitor_hears_of_subscribers_that_come_and_go() -> anyhow::Result<()> {
    let hub = hub().await;
    let mut monitor = hub.subscribe::<SubscriberEvent>("$bus.subscriber.>")?;
    let first = hub.subscribe::<u32>("a.*")?;
    let second = hub.subscribe::<u32>("a.*")?;
    drop((first, second));
    let mut told = Vec::new();
    while let Some(event) = monitor.try_recv() {
        told.push(format!(
            "{} {} {}",
            event.topic(),
            event.pattern,
            event.count
        ));
    }
    assert_eq!(
        told,
        [
            r"$bus.subscriber.added.a.\* a.* 1",
            r"$bus.subscriber.added.a.\* a.* 2",
            r"$bus.subscriber.removed.a.\* a.* 1",
            r"$bus.subscriber.removed.a.\* a.* 0",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn has_subscribers_is_true_also_through_a_star_before_and_after_a_publish()
-> anyhow::Result<()> {
    let hub = hub().await;
    let prices = hub.publisher("prices");
    assert!(!hub.has_subscribers("**") && !prices.has_subscribers("**"));
    let subscription = hub.subscribe::<u32>("prices.*")?;
    assert!(hub.has_subscribers("**"), "anybody at all");
    assert!(prices.has_subscribers("eur") && prices.has_subscribers("**"));
    assert!(!hub.has_subscribers("trades.eur"));
    prices.publish("eur", 1_u32).await?;
    assert!(hub.has_subscribers("prices.eur"));
    drop(subscription);
    assert!(!hub.has_subscribers("prices.eur"));
    assert!(!hub.has_subscribers("**"));
    Ok(())
}

#[tokio::test]
async fn queue_sizes_are_told_for_a_key_and_for_all() -> anyhow::Result<()> {
    let hub = hub().await;
    let _a = hub.subscribe::<u32>("a")?;
    let _below = hub.subscribe::<u32>("*")?;
    let _other = hub.subscribe::<u32>("b.c")?;
    hub.publish("a", 1_u32).await?;
    hub.publish("b", 2_u32).await?;
    let waiting = |pattern: &str| -> Vec<_> {
        let lengths = hub.queue_lengths(pattern);
        lengths.iter().map(|length| length.waiting).collect()
    };
    assert_eq!(waiting("a"), [1, 2]);
    assert_eq!(waiting("**"), [1, 2, 0]);
    Ok(())
}

/// A publisher that looks at the queue sizes before it publishes more: `max_waiting` does it.
#[tokio::test]
async fn a_publisher_is_throttled_by_what_waits() -> anyhow::Result<()> {
    let hub = hub().await;
    let slow = hub.listen("a", async |_: Signal<u32>| {
        tokio::task::yield_now().await;
    })?;
    let throttled = hub.publisher("").max_waiting(3);
    for number in 0..50_u32 {
        throttled.publish("a", number).await?;
        assert!(
            hub.queue_lengths("a")[0].waiting <= 3,
            "three, with the one just published"
        );
    }
    slow.close().await?;
    Ok(())
}

mod faults {
    use std::sync::Mutex;

    use super::{Arc, Seen, Signal, hub, listen};

    /// There, the loop of a listener ends with the first exception, and nobody is told.
    #[tokio::test]
    async fn a_listener_s_error_does_not_end_the_listener() -> anyhow::Result<()> {
        let (hub, seen) = (hub().await, Seen::default());
        let noted = seen.clone();
        let _listener = hub.listen("a", async move |number: Signal<u32>| {
            anyhow::ensure!(*number != 0, "zero");
            assert_ne!(*number, 1, "one");
            noted.add(number.to_string());
            Ok(())
        })?;
        for number in 0..3_u32 {
            hub.publish("a", number).await?;
        }
        hub.settled().await;
        assert_eq!(seen.take(), ["2"]);
        assert_eq!(hub.stats().total.dead, 2);
        Ok(())
    }

    /// There, the queue of a removed listener stays under its id, so adding it again replays what has waited.
    #[tokio::test]
    async fn a_listener_that_is_added_again_gets_nothing_of_before() -> anyhow::Result<()> {
        let (hub, seen) = (hub().await, Seen::default());
        let listener = listen(&hub, "a", &seen)?;
        hub.publish("a", "one").await?;
        hub.publish("a", "two").await?;
        drop(listener);
        hub.publish("a", "three").await?;
        let _again = listen(&hub, "a", &seen)?;
        hub.publish("a", "four").await?;
        hub.settled().await;
        assert_eq!(seen.take(), ["a four"]);
        Ok(())
    }

    /// There, a callback that is there already is not added a second time, whoever adds it.
    #[tokio::test]
    async fn one_function_may_listen_for_two_subscribers() -> anyhow::Result<()> {
        static SEEN: Mutex<u32> = Mutex::new(0);
        async fn count(_: Signal<u32>) {
            *SEEN.lock().unwrap() += 1;
        }
        let hub = hub().await;
        let first = hub.listen("a", count)?;
        let second = hub.listen("a", count)?;
        assert_eq!(hub.publish("a", 1_u32).await?.receivers, 2);
        first.close().await?;
        hub.publish("a", 2_u32).await?;
        second.close().await?;
        assert_eq!(*SEEN.lock().unwrap(), 3);
        Ok(())
    }

    /// There, a callback that removes itself changes the list that is being walked, and the next one is passed over.
    #[tokio::test]
    async fn a_listener_may_remove_itself_while_it_is_called() -> anyhow::Result<()> {
        let (hub, seen) = (hub().await, Seen::default());
        let itself = Arc::new(Mutex::new(None));
        let (own, noted) = (Arc::clone(&itself), seen.clone());
        let first = hub.listen("a", move |message: Signal<&'static str>| {
            noted.add(format!("first {}", *message));
            drop(own.lock().unwrap().take());
        })?;
        *itself.lock().unwrap() = Some(first);
        let _second = listen(&hub, "a", &seen)?;
        hub.publish("a", "one").await?;
        hub.settled().await;
        hub.publish("a", "two").await?;
        hub.settled().await;
        assert_eq!(seen.take(), ["first one", "a one", "a two"]);
        Ok(())
    }

    /// There, a listener on two keys that both match is called twice.
    #[tokio::test]
    async fn overlapping_patterns_of_one_listener_deliver_once() -> anyhow::Result<()> {
        let (hub, seen) = (hub().await, Seen::default());
        let noted = seen.clone();
        let _listener = hub.listen(["a.*", "a.>", "*.b"], move |message: Signal<u32>| {
            noted.add(message.topic());
        })?;
        for topic in ["a.b", "a.c", "a.b.c", "x.b"] {
            hub.publish(topic, 1_u32).await?;
        }
        hub.settled().await;
        assert_eq!(seen.take(), ["a.b", "a.c", "a.b.c", "x.b"]);
        Ok(())
    }

    /// There, a key that was published on is cached for good, and so is every key ever seen.
    #[tokio::test]
    async fn who_comes_after_the_first_publish_is_heard_of() -> anyhow::Result<()> {
        let (hub, seen) = (hub().await, Seen::default());
        hub.publish("a.b", "nobody").await?;
        let _listener = listen(&hub, "a.*", &seen)?;
        assert!(hub.has_subscribers("a.b"));
        hub.publish("a.b", "somebody").await?;
        hub.settled().await;
        assert_eq!(seen.take(), ["a.b somebody"]);
        Ok(())
    }
}
