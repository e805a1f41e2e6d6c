//! Groups, which are one over all processes.

use signal_bus::{Signal, transport::LoopbackNetwork};

use crate::{Noted, connected, until};

#[tokio::test(start_paused = true)]
async fn one_member_of_all_processes_gets_each_signal() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let mut buses = Vec::new();
    let (shared, everyone) = (Noted::default(), Noted::default());
    let mut listeners = Vec::new();
    for place in 0..3 {
        let bus = connected(&network, &["work.>"]).await;
        let notes = shared.clone();
        let group = bus.subscription::<u32>("work.new").group("workers");
        listeners.push(group.listen(move |x: Signal<u32>| {
            notes.note((place, *x));
            async {}
        })?);
        let notes = everyone.clone();
        listeners.push(bus.listen("work.new", move |x: Signal<u32>| {
            notes.note((place, *x));
            async {}
        })?);
        bus.connected().await;
        buses.push(bus);
    }
    for x in 0..90_u32 {
        buses[x as usize % 3].publish("work.new", x).await?;
    }
    until(|| everyone.all().len() == 270 && shared.all().len() == 90).await;
    until(|| network.outstanding() == 0).await;
    let mut numbers: Vec<_> = shared.all().iter().map(|(_, x)| *x).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..90).collect::<Vec<_>>());
    assert_eq!(everyone.all().len(), 270);
    drop(listeners);
    for bus in buses {
        bus.close().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_group_of_a_topic_that_stays_is_one_of_its_bus() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let bus = connected(&network, &["far.>"]).await;
    let noted = Noted::default();
    let notes = noted.clone();
    let near = bus.subscription::<u32>("near").group("workers");
    let listener = near.listen(move |x: Signal<u32>| {
        notes.note(*x);
        async {}
    })?;
    assert_eq!(bus.publish("near", 7_u32).await?.receivers, 1);
    bus.settled().await;
    assert_eq!(noted.all(), [7]);
    drop(listener);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_a_closing_bus_has_not_begun_goes_to_another_at_once() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (leaving, staying) = (
        connected(&network, &["moves"]).await,
        connected(&network, &["moves"]).await,
    );
    let stuck = leaving
        .subscription::<u32>("moves")
        .group("movers")
        .capacity(1);
    let stuck =
        stuck.listen(|_: Signal<u32>| tokio::time::sleep(std::time::Duration::from_secs(5)))?;
    leaving.connected().await;
    for x in 0..10_u32 {
        staying.publish("moves", x).await?;
    }
    let noted = Noted::default();
    let notes = noted.clone();
    let mover = staying
        .subscription::<u32>("moves")
        .group("movers")
        .listen(move |x: Signal<u32>| {
            notes.note(*x);
            async {}
        })?;
    staying.connected().await;
    stuck.detach();
    let before = tokio::time::Instant::now();
    let report = leaving.close().await?;
    until(|| network.outstanding() == 0).await;
    assert!(
        before.elapsed() < std::time::Duration::from_secs(20),
        "nobody waits for the patience"
    );
    let done = report.stats.total.done;
    assert_eq!(noted.all().len() as u64 + done, 10);
    drop(mover);
    staying.close().await?;
    Ok(())
}
