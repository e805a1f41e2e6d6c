//! Bridges: signals pass to another bus once, whatever the shape of the connections.

use std::time::Duration;

use signal_bus::{Bus, BusGuard, BusHandle, CloseOutcome, Headers, Subscription, Topic};

async fn bus() -> BusGuard {
    Bus::empty().start().await.unwrap()
}

/// Waits until nothing passes any more.
async fn settled(buses: &[&BusGuard]) {
    for _ in 0..=buses.len() {
        for bus in buses {
            bus.settled().await;
        }
    }
}

fn all(bus: &BusHandle) -> Subscription<u32> {
    bus.subscription::<u32>("bridged.**")
        .from_now()
        .subscribe()
        .unwrap()
}

fn read(from: &mut Subscription<u32>) -> Vec<u32> {
    std::iter::from_fn(|| from.try_recv())
        .map(|signal| *signal)
        .collect()
}

#[tokio::test]
async fn signals_pass_both_ways_and_nothing_comes_back() -> anyhow::Result<()> {
    let (one, two) = (bus().await, bus().await);
    let bridge = one.bridge(&two, "bridged.>")?;
    let (mut at_one, mut at_two) = (all(&one), all(&two));
    let mut other = two.subscribe::<u32>("other")?;
    let traced = Headers::new().with("trace", "7");
    traced.scope(one.publish("bridged.a", 1_u32)).await?;
    two.publish("bridged.b", 2_u32).await?;
    one.publish("other", 3_u32).await?;
    settled(&[&one, &two]).await;
    assert_eq!(read(&mut at_one), [1, 2]);
    let passed = at_two.recv().await.unwrap();
    // Which of the two comes first at the second bus is open.
    let both = [*passed, *at_two.recv().await.unwrap()];
    assert!(both == [1, 2] || both == [2, 1]);
    assert!(at_two.try_recv().is_none() && other.try_recv().is_none());
    bridge.close().await?;
    one.publish("bridged.a", 4_u32).await?;
    settled(&[&one, &two]).await;
    assert_eq!(read(&mut at_one), [4]);
    assert!(at_two.try_recv().is_none(), "the bridge has ended");
    Ok(())
}

#[tokio::test]
async fn headers_time_and_the_value_itself_pass() -> anyhow::Result<()> {
    let (one, two) = (bus().await, bus().await);
    one.bridge(&two, "bridged.>")?.detach();
    let (mut here, mut there) = (all(&one), all(&two));
    let traced = Headers::new().with("trace", "7");
    traced.scope(one.publish("bridged.a", 1_u32)).await?;
    let (sent, passed) = (here.recv().await.unwrap(), there.recv().await.unwrap());
    assert_eq!(passed.topic(), "bridged.a");
    assert_eq!(passed.header("trace"), Some("7"));
    assert_eq!(passed.time(), sent.time());
    let (sent, passed) = (sent.into_arc(), passed.into_arc());
    assert!(std::sync::Arc::ptr_eq(&sent, &passed), "it is shared");
    Ok(())
}

#[tokio::test]
async fn over_a_ring_and_over_two_bridges_each_bus_gets_it_once() -> anyhow::Result<()> {
    let buses = [bus().await, bus().await, bus().await, bus().await];
    let mut bridges = Vec::new();
    for at in 0..4 {
        bridges.push(buses[at].bridge(&buses[(at + 1) % 4], "bridged.>")?);
    }
    bridges.push(buses[0].bridge(&buses[1], ["bridged.*", "bridged.a"])?);
    bridges.push(buses[0].bridge(&buses[2], "**")?);
    let mut readers: Vec<_> = buses.iter().map(|bus| all(bus)).collect();
    for number in 0..50_u32 {
        buses[number as usize % 4]
            .publish("bridged.a", number)
            .await?;
    }
    settled(&buses.each_ref()).await;
    for reader in &mut readers {
        let mut seen = read(reader);
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }
    Ok(())
}

#[tokio::test]
async fn a_topic_keeps_its_order_over_a_chain() -> anyhow::Result<()> {
    let buses = [bus().await, bus().await, bus().await];
    let _first = buses[0].bridge(&buses[1], "bridged.>")?;
    let _second = buses[1].bridge(&buses[2], "bridged.>")?;
    let mut last = all(&buses[2]);
    let mut seen = Vec::new();
    for number in 0..2_000_u32 {
        buses[0].publish("bridged.a", number).await?;
        if number % 100 == 0 {
            tokio::task::yield_now().await;
        }
        seen.append(&mut read(&mut last));
    }
    settled(&buses.each_ref()).await;
    seen.append(&mut read(&mut last));
    assert_eq!(seen, (0..2_000).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_bridge_ends_with_either_bus_and_holds_none_open() -> anyhow::Result<()> {
    for first in 0..2 {
        let buses = [bus().await, bus().await];
        let bridge = buses[0].bridge(&buses[1], "bridged.>")?;
        let (closes, stays) = (&buses[first], &buses[1 - first]);
        let report = closes.close().await?;
        assert_eq!(report.outcome, CloseOutcome::Drained);
        assert_eq!(stays.publish("bridged.a", 1_u32).await?.receivers, 0);
        assert!(!stays.has_subscribers("bridged.a"));
        let begun = tokio::time::Instant::now();
        assert_eq!(stays.close().await?.outcome, CloseOutcome::Drained);
        assert!(begun.elapsed() < Duration::from_secs(1));
        drop(bridge);
    }
    Ok(())
}

#[tokio::test]
async fn what_the_other_bus_refuses_is_told_and_counted() -> anyhow::Result<()> {
    let errors = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let told = std::sync::Arc::clone(&errors);
    let one = Bus::empty().on_error(move |at, error| {
        told.lock().unwrap().push(format!("{at}: {error}"));
    });
    let (one, two) = (one.start().await?, bus().await);
    let _bridge = one.bridge(&two, "bridged.>")?;
    let _text = two.subscribe::<String>("bridged.a")?;
    one.publish("bridged.a", 1_u32).await?;
    settled(&[&one, &two]).await;
    assert_eq!(one.stats().total.dead, 1);
    let errors = errors.lock().unwrap();
    assert!(
        errors[0].starts_with("bridge (tests/behaviour/bridges.rs:")
            && errors[0].contains("topic `bridged.a` carries `alloc::string::String`, not `u32`"),
        "{errors:?}"
    );
    Ok(())
}

#[tokio::test]
async fn sticky_topics_pass_from_now_on() -> anyhow::Result<()> {
    let (one, two) = (bus().await, bus().await);
    let config: Topic<u32> = Topic::new("bridged.config").sticky();
    one.publish(config, 1).await?;
    let _bridge = one.bridge(&two, "bridged.>")?;
    let mut there = two.subscribe(config)?;
    one.publish(config, 2).await?;
    settled(&[&one, &two]).await;
    assert_eq!(read(&mut there), [2]);
    assert_eq!(read(&mut two.subscribe(config)?), [2], "kept there as well");
    Ok(())
}

#[tokio::test]
async fn descriptions_are_connected_in_any_order_and_any_depth() -> anyhow::Result<()> {
    let a = Bus::empty().with::<in_a>();
    let b = Bus::empty().with::<in_b>();
    let c = Bus::empty().with::<in_c>();
    for bus in [
        a.clone().connect(b.clone()).connect(c.clone()),
        a.clone().connect(b.clone().connect(c.clone())),
        c.connect(a.connect(b)),
    ] {
        let bus = bus.start().await?;
        assert_eq!(bus.publish("connected", 1_u32).await?.receivers, 3);
        bus.close().await?;
    }
    Ok(())
}

#[signal_bus::subscriber("connected")]
async fn in_a(_number: u32) {}

#[signal_bus::subscriber("connected")]
async fn in_b(_number: u32) {}

#[signal_bus::subscriber("connected")]
async fn in_c(_number: u32) {}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_both_ways_does_not_stand_still() -> anyhow::Result<()> {
    let small = || Bus::empty().capacity(16).start();
    let buses = [small().await?, small().await?, small().await?];
    let _bridges = [
        buses[0].bridge(&buses[1], "bridged.>")?,
        buses[1].bridge(&buses[2], "bridged.>")?,
        buses[2].bridge(&buses[0], "bridged.>")?,
    ];
    let mut publishers = tokio::task::JoinSet::new();
    for bus in &buses {
        let bus = bus.handle();
        publishers.spawn(async move {
            for number in 0..3_000_u32 {
                bus.publish("bridged.a", number).await.unwrap();
            }
        });
    }
    let all = publishers.join_all();
    tokio::time::timeout(Duration::from_secs(60), all).await?;
    settled(&buses.each_ref()).await;
    for bus in &buses {
        assert_eq!(bus.close().await?.stats.published, 9_000);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_ways_to_a_bus_keep_the_order_of_a_topic() -> anyhow::Result<()> {
    let (one, two) = (bus().await, bus().await);
    let _wide = one.bridge(&two, "bridged.>")?;
    let _narrow = one.bridge(&two, "bridged.t")?;
    let mut there = two
        .subscription::<u32>("bridged.t")
        .capacity(30_000)
        .subscribe()?;
    for number in 0..20_000_u32 {
        one.publish("bridged.t", number).await?;
    }
    settled(&[&one, &two]).await;
    assert_eq!(read(&mut there), (0..20_000).collect::<Vec<_>>());
    assert!(one.bridge(&two, "$bus.dead").is_err());
    Ok(())
}
