//! mpubsub, as far as it is local: a hierarchy of topics, the most specific first, catch-alls and broadcasts.
//!
//! A subscription to the tuple `('foo',)` is `foo.**` here, the empty tuple as a subscription `**`, as a topic `broadcast`.

use std::sync::Arc;

use signal_bus::{Bus, BusGuard, Listener, Signal, SubscribeError};

use crate::Seen;

async fn pubsub() -> BusGuard {
    Bus::empty().start().await.unwrap()
}

fn subscribe(bus: &BusGuard, pattern: &str, seen: &Seen) -> Result<Listener, SubscribeError> {
    let (seen, by) = (seen.clone(), pattern.to_owned());
    bus.listen(pattern, move |message: Signal<u32>| {
        seen.add(format!("{by}: {}", message.topic()));
    })
}

#[tokio::test]
async fn a_subscriber_of_a_parent_topic_hears_what_is_below() -> anyhow::Result<()> {
    let (bus, seen) = (pubsub().await, Seen::default());
    let _foo = subscribe(&bus, "foo.**", &seen)?;
    for topic in ["foo", "foo.bar", "foo.bar.baz", "foobar", "bar.foo"] {
        bus.publish(topic, 1_u32).await?;
    }
    bus.settled().await;
    assert_eq!(
        seen.take(),
        ["foo.**: foo", "foo.**: foo.bar", "foo.**: foo.bar.baz"]
    );
    Ok(())
}

#[tokio::test]
async fn a_catch_all_hears_everything() -> anyhow::Result<()> {
    let (bus, seen) = (pubsub().await, Seen::default());
    let _all = subscribe(&bus, "**", &seen)?;
    for topic in ["foo", "foo.bar", "x.y.z"] {
        bus.publish(topic, 1_u32).await?;
    }
    bus.settled().await;
    assert_eq!(seen.take(), ["**: foo", "**: foo.bar", "**: x.y.z"]);
    Ok(())
}

#[tokio::test]
async fn the_most_specific_are_called_first_and_catch_alls_last() -> anyhow::Result<()> {
    let (bus, seen) = (pubsub().await, Seen::default());
    let _all = subscribe(&bus, "**", &seen)?;
    let _parent = subscribe(&bus, "foo.**", &seen)?;
    let _itself = subscribe(&bus, "foo.bar.**", &seen)?;
    let _exact = subscribe(&bus, "foo.bar", &seen)?;
    // Each waits for its first signal then.
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        bus.publish("foo.bar", 1_u32).await?;
        bus.settled().await;
        assert_eq!(
            seen.take(),
            [
                "foo.bar: foo.bar",
                "foo.bar.**: foo.bar",
                "foo.**: foo.bar",
                "**: foo.bar"
            ]
        );
    }
    Ok(())
}

/// Its README promises that a message without a topic goes to all; its code refuses `None`, and `()` reaches catch-alls only.
#[tokio::test]
async fn a_broadcast_goes_to_all() -> anyhow::Result<()> {
    let (bus, seen) = (pubsub().await, Seen::default());
    let _all = subscribe(&bus, "**", &seen)?;
    let _foo = subscribe(&bus, "foo.**", &seen)?;
    let _bar = subscribe(&bus, "bar", &seen)?;
    assert_eq!(bus.broadcast(7_u32).await?.receivers, 3);
    bus.settled().await;
    let mut told = seen.take();
    told.sort();
    assert_eq!(told, ["**: ", "bar: ", "foo.**: "]);
    Ok(())
}

/// There, a subscriber that lacks an argument of the message is warned of, each time.
#[tokio::test]
async fn what_does_not_fit_a_subscriber_is_warned_of_and_counted() -> anyhow::Result<()> {
    let (bus, seen) = (pubsub().await, Seen::default());
    let _numbers = subscribe(&bus, "foo.**", &seen)?;
    let mut every = bus.subscribe_any("foo.**")?;
    for _ in 0..3 {
        bus.publish("foo.text", "a text").await?;
    }
    bus.publish("foo.number", 7_u32).await?;
    bus.settled().await;
    assert_eq!(seen.take(), ["foo.**: foo.number"]);
    assert_eq!(bus.stats().mismatched, 3);
    let all: Vec<_> = std::iter::from_fn(|| every.try_recv()).collect();
    assert_eq!(all.len(), 4, "who takes any type gets all");
    Ok(())
}

#[tokio::test]
async fn two_subscribers_of_a_topic_are_told_in_order_and_one_is_removed() -> anyhow::Result<()> {
    let (bus, seen) = (pubsub().await, Seen::default());
    let tell = |name: &'static str| {
        let seen = seen.clone();
        bus.listen("hello", move |message: Signal<&'static str>| {
            seen.add(format!("Received by subscriber {name}: {}", *message));
        })
    };
    let (_one, two) = (tell("1")?, tell("2")?);
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
    bus.publish("hello", "foo").await?;
    bus.settled().await;
    assert_eq!(
        seen.take(),
        [
            "Received by subscriber 1: foo",
            "Received by subscriber 2: foo"
        ]
    );
    drop(two);
    bus.publish("hello", "foo").await?;
    bus.settled().await;
    assert_eq!(seen.take(), ["Received by subscriber 1: foo"]);
    Ok(())
}

#[tokio::test]
async fn clear_removes_all() -> anyhow::Result<()> {
    let (bus, seen) = (pubsub().await, Seen::default());
    let patterns = ["hello", "foo.**", "**"];
    let mut all: Vec<_> = patterns
        .map(|pattern| subscribe(&bus, pattern, &seen).unwrap())
        .into();
    assert_eq!(bus.subscriber_count("hello"), 2);
    all.clear();
    assert!(!bus.has_subscribers("**"));
    assert_eq!(bus.publish("hello", 1_u32).await?.receivers, 0);
    bus.settled().await;
    assert!(seen.take().is_empty());
    Ok(())
}

/// A topic that ends in `*local` stays in the process there; here a topic or a publisher says so.
#[tokio::test]
async fn a_local_topic_stays_at_home() -> anyhow::Result<()> {
    let (here, there, seen) = (pubsub().await, pubsub().await, Seen::default());
    let _bridge = here.bridge(&there, "**")?;
    let _abroad = subscribe(&there, "foo.**", &seen)?;
    let local = here.publisher("foo").local_only();
    local.publish("secret", 1_u32).await?;
    here.publish("foo.open", 2_u32).await?;
    here.settled().await;
    there.settled().await;
    assert_eq!(seen.take(), ["foo.**: foo.open"]);
    Ok(())
}

/// There, methods are held weakly, and so are closures: one that nobody else holds is gone at once.
#[tokio::test]
async fn a_subscriber_leaves_with_its_object_and_a_closure_stays() -> anyhow::Result<()> {
    let (bus, seen) = (pubsub().await, Seen::default());
    let object = Arc::new("an object");
    let _method = subscribe(&bus, "foo", &seen)?.close_on_drop_of(&object);
    subscribe(&bus, "foo.**", &seen)?.detach();
    drop(object);
    bus.publish("foo", 1_u32).await?;
    bus.settled().await;
    assert_eq!(seen.take(), ["foo.**: foo"]);
    Ok(())
}

/// There, an exception other than a `TypeError` comes back to the publisher, and the others hear nothing.
#[tokio::test]
async fn a_subscriber_s_failure_stays_with_it() -> anyhow::Result<()> {
    let (bus, seen) = (pubsub().await, Seen::default());
    let _fails = bus.listen("foo", |message: Signal<u32>| {
        assert_eq!(*message, 0, "on purpose");
    })?;
    let _hears = subscribe(&bus, "foo", &seen)?;
    assert_eq!(bus.publish("foo", 1_u32).await?.receivers, 2);
    bus.settled().await;
    assert_eq!(seen.take(), ["foo: foo"]);
    Ok(())
}
