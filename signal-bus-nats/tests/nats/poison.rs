//! Messages that nobody can read, and subjects that nobody should use.

use std::time::Duration;

use async_nats::{HeaderMap, jetstream::stream::Config};
use signal_bus::{ConnectionState, PublishError, Signal, transport::TransportFault};
use signal_bus_nats::{Delivery, Nats};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{Noted, connected, jetstream, nats, noting, server::Server, stored, until};

/// Payloads that are no number, with what is said of them in headers.
fn poison() -> Vec<(Vec<u8>, HeaderMap)> {
    let typed = |content_type: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("Content-Type", content_type);
        headers
    };
    vec![
        (b"not JSON at all".to_vec(), HeaderMap::new()),
        (br#"{"a": "number"}"#.to_vec(), HeaderMap::new()),
        (b"-1".to_vec(), typed("application/json")),
        (Vec::new(), HeaderMap::new()),
        (b"7".to_vec(), typed("application/x-unknown")),
        (vec![0xc1; 64], typed("application/msgpack")),
        (vec![0xff; 70_000], typed("application/json")),
    ]
}

#[tokio::test]
async fn what_nobody_can_read_is_kept_and_harms_nobody() -> anyhow::Result<()> {
    let server = Server::start();
    let nats = nats(&server);
    let bus = connected(&nats, &["food.>"]).await;
    let other = connected(&nats, &["food.>"]).await;
    let noted = Noted::default();
    let notes = noted.clone();
    let group = bus.subscription::<u32>("food.>").group("eaters");
    let listener = group.listen(move |x: Signal<u32>| {
        notes.note(*x);
        async {}
    })?;
    bus.connected().await;
    let jetstream = jetstream(&server).await;
    let all = poison();
    for (payload, headers) in all.clone() {
        let sent = jetstream.publish_with_headers("food.bad", headers, payload.into());
        sent.await?.await?;
    }
    other.publish("food.good", 7_u32).await?;
    until(|| noted.all() == [7]).await;
    while stored(&jetstream, "TEST-dead").await < all.len() as u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let dead = jetstream.get_stream("TEST-dead").await?;
    for (at, (payload, _)) in all.iter().enumerate() {
        let letter = dead.get_raw_message(at as u64 + 1).await?;
        assert_eq!(letter.subject.as_str(), "dead.food.bad");
        assert_eq!(&letter.payload[..], &payload[..]);
        assert!(letter.headers.get("Signal-Dead-Reason").is_some());
    }
    assert_eq!(bus.stats().total.done, 1);
    drop(listener);
    bus.close().await?;
    other.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_message_stays_as_long_as_its_dead_letter_cannot_be_stored() -> anyhow::Result<()> {
    let server = Server::start();
    let impatient = Delivery::at_least_once().ack_wait(Duration::from_secs(1));
    let bus = connected(&nats(&server).delivery(impatient), &["stays"]).await;
    let noted = Noted::default();
    let notes = noted.clone();
    let group = bus.subscription::<u32>("stays").group("stayers");
    let listener = group.listen(move |x: Signal<u32>| {
        notes.note((*x, x.attempt()));
        tokio::time::sleep(Duration::from_millis(1500))
    })?;
    bus.connected().await;
    let jetstream = jetstream(&server).await;
    jetstream.delete_stream("TEST-dead").await?;
    // Each bad one is tried for 2 s before it goes back; the good ones do not wait for that.
    for _ in 0..3 {
        jetstream.publish("stays", "bad".into()).await?.await?;
    }
    for x in 0..4_u32 {
        jetstream
            .publish("stays", x.to_string().into())
            .await?
            .await?;
    }
    until(|| noted.all().len() == 4).await;
    assert_eq!(noted.all(), (0..4).map(|x| (x, 1)).collect::<Vec<_>>());
    let config = Config {
        name: "TEST-dead".into(),
        subjects: vec!["dead.>".into()],
        ..Config::default()
    };
    jetstream.create_stream(config).await?;
    while stored(&jetstream, "TEST-dead").await < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(listener);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_full_refuses_and_forgets_nothing() -> anyhow::Result<()> {
    let server = Server::start();
    let streams = signal_bus_nats::Streams::named("TEST").max_bytes(20_000);
    let nats = signal_bus_nats::Nats::at(&server.url())?.create_streams(streams);
    let bus = connected(&nats, &["full"]).await;
    let jetstream = jetstream(&server).await;
    let mut count = 0;
    let error = loop {
        match bus.publish("full", "x".repeat(2_000)).await {
            Ok(_) => count += 1,
            Err(PublishError::Transport { error, .. }) => break error,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(error.fault(), TransportFault::Full, "{error}");
    assert!(4 < count, "{count}");
    assert_eq!(stored(&jetstream, "TEST").await, count);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn odd_subjects_are_refused_here_and_nothing_is_stored() -> anyhow::Result<()> {
    let server = Server::start();
    let bus = connected(&nats(&server), &["odd.>"]).await;
    let jetstream = jetstream(&server).await;
    let long = format!("odd.{}", "x".repeat(64 * 1024));
    for odd in [
        "odd..b",
        "odd.",
        "odd. b",
        "odd.a\r\nPUB x 0",
        "odd.\tb",
        "odd.*",
        "odd.>",
        &*long,
    ] {
        let published = bus.publish(odd, 7_u32).await;
        assert!(published.is_err(), "{odd:.20}");
    }
    assert_eq!(stored(&jetstream, "TEST").await, 0);
    bus.publish("odd.fine", 7_u32).await?;
    assert_eq!(stored(&jetstream, "TEST").await, 1);
    assert!(bus.health().is_healthy());
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_a_subscriber_is_too_slow_for_is_counted() -> anyhow::Result<()> {
    const SIGNALS: u64 = 80_000;
    let server = Server::with("", &[]);
    let core = nats(&server).delivery(Delivery::at_most_once());
    let bus = connected(&core, &["flood"]).await;
    let (begin, mut begun) = tokio::sync::watch::channel(false);
    begun.mark_unchanged();
    let slow = bus.subscription::<u32>("flood").capacity(1);
    let listener = slow.listen(move |_: Signal<u32>| {
        let mut begun = begun.clone();
        async move { drop(begun.wait_for(|begun| *begun).await) }
    })?;
    bus.connected().await;
    let client = async_nats::connect(server.url()).await?;
    for x in 0..SIGNALS {
        client.publish("flood", x.to_string().into()).await?;
        if x % 1_000 == 0 {
            client.flush().await?;
        }
    }
    client.flush().await?;
    begin.send_replace(true);
    let seen = || {
        let stats = bus.stats();
        (stats.total.done, stats.lost_on_the_way)
    };
    until(|| {
        let (done, lost) = seen();
        done + lost == SIGNALS
    })
    .await;
    let (done, lost) = seen();
    println!("{done} handled, {lost} lost and counted");
    assert!(0 < lost);
    drop(listener);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_waits_once_at_most_has_a_limit_in_bytes_too() -> anyhow::Result<()> {
    const SIGNALS: u64 = 200;
    const BYTES: usize = 512 << 10;
    let server = Server::with("", &[]);
    let core = nats(&server).delivery(Delivery::at_most_once());
    let bus = connected(&core, &["flood"]).await;
    let (begin, begun) = tokio::sync::watch::channel(false);
    let slow = bus.subscription::<String>("flood").capacity(1);
    let listener = slow.listen(move |_: Signal<String>| {
        let mut begun = begun.clone();
        async move { drop(begun.wait_for(|begun| *begun).await) }
    })?;
    bus.connected().await;
    let client = async_nats::connect(server.url()).await?;
    let payload = format!("\"{}\"", "x".repeat(BYTES));
    for _ in 0..SIGNALS {
        client.publish("flood", payload.clone().into()).await?;
        client.flush().await?;
    }
    // What is above the limit is counted although nobody reads.
    client.publish("flood", "\"the last one\"".into()).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    begin.send_replace(true);
    until(|| {
        let stats = bus.stats();
        stats.total.done + stats.lost_on_the_way == SIGNALS + 1
    })
    .await;
    let done = bus.stats().total.done;
    println!("{done} of {SIGNALS} handled, the others counted");
    // 64 MiB, two in the bus, and the small one.
    assert!((100..=131).contains(&done), "{done}");
    drop(listener);
    bus.close().await?;
    Ok(())
}

/// Dead letters are below the prefix, where everything is heard.
async fn hears_no_dead_letters(of: impl Fn(Nats) -> Nats) -> anyhow::Result<()> {
    let server = Server::start();
    let nats = nats(&server).prefix("shop")?;
    let bus = connected(&nats, &[">"]).await;
    let everything = connected(&of(nats.clone()), &[">"]).await;
    let letters = connected(&of(nats), &["dead.>"]).await;
    let noted = Noted::default();
    let notes = noted.clone();
    let handles = bus.listen("orders.*", move |x: Signal<u32>| {
        let good = *x < 13;
        async move { good.then_some(()).ok_or_else(|| anyhow::anyhow!("unlucky")) }
    })?;
    let hears = everything.listen(">", move |x: Signal<u32>| {
        notes.note((x.topic().to_owned(), *x));
        async {}
    })?;
    let mut dead = letters.subscribe::<u32>("dead.>")?;
    for bus in [&bus, &everything, &letters] {
        bus.connected().await;
    }
    let client = jetstream(&server).await;
    let publish = async |x: &'static str| {
        let stored = client.publish("shop.orders.eu", x.into()).await?;
        anyhow::Ok(stored.await?)
    };
    publish("13").await?;
    // It comes where it is asked for.
    let letter = dead.recv().await.expect("it is stored");
    assert_eq!((letter.topic(), *letter), ("dead.orders.eu", 13));
    publish("7").await?;
    let heard = |x| ("orders.eu".to_owned(), x);
    until(|| noted.all().contains(&heard(7))).await;
    assert_eq!(noted.all(), [heard(13), heard(7)]);
    drop((handles, hears, letter, dead));
    for bus in [bus, everything, letters] {
        bus.close().await?;
    }
    assert_eq!(stored(&client, "TEST").await, 3);
    Ok(())
}

#[tokio::test]
async fn who_hears_everything_hears_no_dead_letters_unless_asked_for_them() -> anyhow::Result<()> {
    hears_no_dead_letters(|nats| nats).await?;
    hears_no_dead_letters(|nats| nats.delivery(Delivery::at_most_once())).await
}

/// Publishes a number with a header that has a carriage return alone in it, as no client does.
async fn publish_odd_header(server: &Server, subject: &str) -> anyhow::Result<()> {
    let mut wire = TcpStream::connect(("127.0.0.1", server.port)).await?;
    let headers = "NATS/1.0\r\nA: x\ry\r\n\r\n";
    let (begin, all) = (headers.len(), headers.len() + 1);
    let sent = format!(
        "CONNECT {{\"verbose\":false,\"headers\":true}}\r\nHPUB {subject} {begin} {all}\r\n{headers}7\r\nPING\r\n"
    );
    wire.write_all(sent.as_bytes()).await?;
    let mut heard = String::new();
    while !heard.contains("PONG") {
        let mut part = [0; 4096];
        let length = wire.read(&mut part).await?;
        heard += &String::from_utf8_lossy(&part[..length]);
    }
    Ok(())
}

#[tokio::test]
async fn what_ends_the_client_is_told_at_once() -> anyhow::Result<()> {
    for delivery in [Delivery::at_most_once(), Delivery::at_least_once()] {
        let server = Server::start();
        let bus = connected(&nats(&server).delivery(delivery), &["odd"]).await;
        let (_listener, _) = noting(&bus, "odd", None)?;
        bus.connected().await;
        publish_odd_header(&server, "odd").await?;
        let failed = || {
            matches!(
                bus.health().connections[0].state,
                ConnectionState::Failed { .. }
            )
        };
        until(failed).await;
        match bus.publish("odd", 1_u32).await {
            Err(PublishError::Transport { error, .. }) => {
                assert_eq!(error.fault(), TransportFault::Unreachable, "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert!(failed(), "it stays so");
        bus.close().await?;
    }
    Ok(())
}
