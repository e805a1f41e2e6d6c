//! NATS without `JetStream`: fast, and without memory.

use signal_bus::Signal;
use signal_bus_nats::{Delivery, Nats};

use crate::{Noted, connected, server::Server, travel_both_ways, until};

fn nats(server: &Server) -> Nats {
    Nats::at(&server.url())
        .unwrap()
        .delivery(Delivery::at_most_once())
}

#[tokio::test]
async fn signals_travel_both_ways_without_an_echo() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    travel_both_ways(&nats(&server)).await
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
