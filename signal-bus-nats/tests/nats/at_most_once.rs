//! NATS without `JetStream`: fast, and without memory.

use std::time::Duration;

use signal_bus::Signal;
use signal_bus_nats::{Delivery, Nats};

use crate::{Noted, connected, server::Server, until};

fn nats(server: &Server) -> Nats {
    Nats::at(&server.url())
        .unwrap()
        .delivery(Delivery::at_most_once())
}

#[tokio::test]
async fn signals_travel_both_ways_without_an_echo() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    let nats = nats(&server);
    let (shop, mail) = (
        connected(&nats, &["orders.>"]).await,
        connected(&nats, &["orders.>"]).await,
    );
    let mut here = shop.subscribe::<u32>("orders.*")?;
    let mut there = mail.subscribe::<u32>("orders.eu")?;
    shop.connected().await;
    mail.connected().await;
    shop.publish("orders.eu", 1_u32).await?;
    mail.publish("orders.eu", 2_u32).await?;
    for subscription in [&mut here, &mut there] {
        let mut both = [
            *subscription.recv().await.unwrap(),
            *subscription.recv().await.unwrap(),
        ];
        both.sort_unstable();
        assert_eq!(both, [1, 2]);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(here.try_recv().is_none() && there.try_recv().is_none());
    drop((here, there));
    shop.close().await?;
    mail.close().await?;
    Ok(())
}

#[tokio::test]
async fn one_member_of_a_group_gets_each_signal_also_of_its_own_process() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    let nats = nats(&server);
    let noted = Noted::default();
    let (mut buses, mut listeners) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let bus = connected(&nats, &["work"]).await;
        let notes = noted.clone();
        let group = bus.subscription::<u32>("work").group("the workers");
        listeners.push(group.listen(move |x: Signal<u32>| {
            notes.note(*x);
            async {}
        })?);
        bus.connected().await;
        buses.push(bus);
    }
    for x in 0..300_u32 {
        buses[0].publish("work", x).await?;
    }
    until(|| noted.all().len() == 300).await;
    let mut all = noted.all();
    all.sort_unstable();
    assert_eq!(all, (0..300).collect::<Vec<_>>());
    drop(listeners);
    for bus in buses {
        bus.close().await?;
    }
    Ok(())
}
