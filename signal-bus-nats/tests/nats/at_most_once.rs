//! NATS without `JetStream`: fast, and without memory.

use std::time::Duration;

use signal_bus::Signal;
use signal_bus_nats::{Delivery, Nats};

use crate::{Noted, connected, server::Server, travel_both_ways, until};

fn nats(server: &Server) -> Nats {
    Nats::at(&server.url())
        .unwrap()
        .delivery(Delivery::at_most_once())
}

fn packed(server: &Server) -> Nats {
    nats(server).delivery(Delivery::at_most_once().packed())
}

#[tokio::test]
async fn signals_travel_both_ways_without_an_echo() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    travel_both_ways(&nats(&server)).await?;
    travel_both_ways(&packed(&server)).await
}

#[tokio::test]
async fn one_member_of_a_group_gets_each_signal_also_of_its_own_process() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    is_shared_by_a_group(&nats(&server)).await?;
    is_shared_by_a_group(&packed(&server)).await
}

async fn is_shared_by_a_group(nats: &Nats) -> anyhow::Result<()> {
    let noted = Noted::default();
    let (mut buses, mut listeners) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let bus = connected(nats, &["work"]).await;
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

#[tokio::test]
async fn who_hears_everything_hears_no_requests_and_no_replies() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    let nats = nats(&server);
    let (here, there) = (
        connected(&nats, &[">"]).await,
        connected(&nats, &[">"]).await,
    );
    let mut all = there.subscribe_any(">")?;
    let _responder = here.respond("price", async |x: Signal<u32>| anyhow::Ok(x.to_string()))?;
    here.connected().await;
    there.connected().await;
    let asking = connected(&nats, &["price"]).await;
    let reply = asking.request::<u32, String>("price", 7, Duration::from_secs(60));
    assert_eq!(*reply.await?, "7");
    // Somebody who hears everything keeps nobody from seeing at once what the server says.
    here.publish("first", 1_u32).await?;
    here.publish("second", 2_u32).await?;
    for topic in ["first", "second"] {
        assert_eq!(all.recv().await.expect("it comes").topic(), topic);
    }
    assert!(there.dead_letters().is_empty());
    drop(all);
    for bus in [asking, there, here] {
        bus.close().await?;
    }
    Ok(())
}
