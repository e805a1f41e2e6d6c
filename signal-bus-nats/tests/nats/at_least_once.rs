//! `JetStream`: every signal comes, whatever happens.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use signal_bus::{BusGuard, Signal, publisher, subscriber};
use signal_bus_nats::{Delivery, Nats};

use crate::{Noted, connected, nats, server::Server, travel_both_ways, until};

#[tokio::test]
async fn signals_travel_both_ways_once() -> anyhow::Result<()> {
    let server = Server::start();
    travel_both_ways(&nats(&server)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_when_the_server_is_killed() -> anyhow::Result<()> {
    const SIGNALS: u32 = 8_000;
    let mut server = Server::start();
    let nats = nats(&server).publish_timeout(Duration::from_secs(30));
    let (here, there) = (
        connected(&nats, &["kill"]).await,
        connected(&nats, &["kill"]).await,
    );
    let noted = Noted::default();
    let notes = noted.clone();
    let listener = there.listen("kill", move |x: Signal<u32>| {
        notes.note(*x);
        async {}
    })?;
    there.connected().await;
    let over = Arc::new(AtomicBool::new(false));
    let killing = std::thread::spawn({
        let over = Arc::clone(&over);
        move || {
            for _ in 0..4 {
                std::thread::sleep(Duration::from_millis(300));
                server.restart();
            }
            while !over.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    });
    let mut publishing = tokio::task::JoinSet::new();
    for task in 0..8 {
        let bus = here.handle();
        publishing.spawn(async move {
            let mut acknowledged = Vec::new();
            for x in 0..SIGNALS / 8 {
                let x = x * 8 + task;
                if bus.publish("kill", x).await.is_ok() {
                    acknowledged.push(x);
                }
            }
            acknowledged
        });
    }
    let mut acknowledged: Vec<_> = publishing.join_all().await.concat();
    acknowledged.sort_unstable();
    assert_eq!(
        acknowledged.len(),
        SIGNALS as usize,
        "within 30 s the server is always back"
    );
    let got_all = || {
        let mut got = noted.all();
        got.sort_unstable();
        got.dedup();
        got == acknowledged
    };
    until(got_all).await;
    over.store(true, Ordering::SeqCst);
    drop(listener);
    here.close().await?;
    there.close().await?;
    killing.join().unwrap();
    println!(
        "{} of {SIGNALS} came twice",
        noted.all().len() - SIGNALS as usize
    );
    Ok(())
}

#[tokio::test]
async fn what_a_closing_bus_has_fetched_goes_to_another() -> anyhow::Result<()> {
    let server = Server::start();
    let patient = Delivery::at_least_once().ack_wait(Duration::from_secs(3));
    let nats = nats(&server).delivery(patient);
    let (leaving, staying) = (
        connected(&nats, &["moves"]).await,
        connected(&nats, &["moves"]).await,
    );
    let slow = leaving
        .subscription::<u32>("moves")
        .group("movers")
        .capacity(1);
    let begun_with = Noted::default();
    let notes = begun_with.clone();
    let slow = slow.listen(move |x: Signal<u32>| {
        notes.note(*x);
        tokio::time::sleep(Duration::from_millis(500))
    })?;
    leaving.connected().await;
    for x in 0..50_u32 {
        staying.publish("moves", x).await?;
    }
    let noted = Noted::default();
    let notes = noted.clone();
    let mover = staying.subscription::<u32>("moves").group("movers");
    let mover = mover.listen(move |x: Signal<u32>| {
        notes.note(*x);
        async {}
    })?;
    staying.connected().await;
    slow.detach();
    let done = leaving.close().await?.stats.total.done;
    assert_eq!(begun_with.all().len() as u64, done);
    let all = || {
        let mut all = [noted.all(), begun_with.all()].concat();
        all.sort_unstable();
        // The server may hand out the last one a second time.
        all.dedup();
        all
    };
    until(|| all().len() == 50).await;
    drop(mover);
    staying.close().await?;
    Ok(())
}

/// How long the server waits for a word in the rounds of the next test; what is handed back does not wait for that.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bus closes that has fetched ahead; how long it takes until all is with another one of its group.
async fn hands_over(nats: &Nats, topic: &str) -> anyhow::Result<Duration> {
    const SIGNALS: u32 = 50;
    let (leaving, staying) = (
        connected(nats, &["handed.>"]).await,
        connected(nats, &["handed.>"]).await,
    );
    let noted = Noted::default();
    let member = async |bus: &BusGuard, takes: Duration| {
        let notes = noted.clone();
        let member = bus.subscription::<u32>(topic).group("hands").capacity(1);
        let listener = member.listen(move |x: Signal<u32>| {
            notes.note(*x);
            tokio::time::sleep(takes)
        });
        bus.connected().await;
        listener
    };
    let slow = member(&leaving, Duration::from_millis(20)).await?;
    for x in 0..SIGNALS {
        staying.publish(topic, x).await?;
    }
    let fast = member(&staying, Duration::ZERO).await?;
    slow.detach();
    let begun = Instant::now();
    leaving.close().await?;
    let all = (0..SIGNALS).collect::<BTreeSet<_>>();
    until(|| BTreeSet::from_iter(noted.all()) == all).await;
    let waited = begun.elapsed();
    drop(fast);
    staying.close().await?;
    Ok(waited)
}

/// Holds that nothing waits for the server's patience, in so many closes.
async fn hand_over_at_once(rounds: u32) -> anyhow::Result<()> {
    let server = Server::start();
    let nats = nats(&server).delivery(Delivery::at_least_once().ack_wait(PATIENCE));
    let mut late = 0;
    for round in 0..rounds {
        let waited = hands_over(&nats, &format!("handed.{round}")).await?;
        late += u32::from(PATIENCE.mul_f64(0.8) < waited);
    }
    assert_eq!(late, 0, "of {rounds} closes so many left something to wait");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_closing_bus_hands_back_waits_for_nobody() -> anyhow::Result<()> {
    hand_over_at_once(10).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long: cargo test -p signal-bus-nats --test nats -- --ignored hundred_closing"]
async fn what_a_hundred_closing_buses_hand_back_waits_for_nobody() -> anyhow::Result<()> {
    hand_over_at_once(100).await
}

#[tokio::test]
async fn a_handler_may_take_longer_than_the_server_waits() -> anyhow::Result<()> {
    let server = Server::start();
    let patient = Delivery::at_least_once().ack_wait(Duration::from_secs(1));
    let nats = nats(&server).delivery(patient);
    let (here, there) = (
        connected(&nats, &["slow"]).await,
        connected(&nats, &["slow"]).await,
    );
    let noted = Noted::default();
    let notes = noted.clone();
    let listener = there.listen("slow", move |x: Signal<u32>| {
        let notes = notes.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            notes.note((*x, x.attempt()));
        }
    })?;
    there.connected().await;
    here.publish("slow", 7_u32).await?;
    here.publish("slow", 8_u32).await?;
    until(|| noted.all().len() == 2).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(noted.all(), [(7, 1), (8, 1)]);
    drop(listener);
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[publisher("annotated.{what}")]
async fn say(what: &str, x: u32) -> u32 {
    x
}

#[subscriber("annotated.>", group = "sayers")]
async fn hear(x: Signal<u32>) -> anyhow::Result<()> {
    anyhow::ensure!(*x != 13, "unlucky");
    Ok(())
}

#[tokio::test]
async fn annotated_functions_travel_and_their_failures_are_kept() -> anyhow::Result<()> {
    let server = Server::start();
    let nats = nats(&server);
    let topics = ["annotated.>"];
    let bus = signal_bus::Bus::empty()
        .with::<hear>()
        .connect_to(nats.clone(), topics);
    let bus = bus.start().await?;
    for x in 10..15 {
        say("number", x).await;
    }
    until(|| bus.stats().total.done == 4 && bus.stats().total.dead == 1).await;
    let client = async_nats::connect(server.url()).await?;
    let jetstream = async_nats::jetstream::new(client);
    until_dead(&jetstream).await;
    let dead = jetstream.get_stream("TEST-dead").await?;
    let letter = dead
        .get_last_raw_message_by_subject("dead.annotated.number")
        .await?;
    assert_eq!(&*letter.payload, b"13");
    let reason = letter
        .headers
        .get("Signal-Dead-Reason")
        .map(|reason| reason.as_str().to_owned());
    assert_eq!(reason.as_deref(), Some("unlucky"));
    bus.close().await?;
    Ok(())
}

async fn until_dead(jetstream: &async_nats::jetstream::Context) {
    for _ in 0..500 {
        let mut dead = jetstream.get_stream("TEST-dead").await.unwrap();
        if 0 < dead.info().await.unwrap().state.messages {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no dead letter comes");
}

#[tokio::test]
async fn an_outage_that_is_short_is_waited_for() -> anyhow::Result<()> {
    let mut server = Server::start();
    let nats = nats(&server);
    let bus = connected(&nats, &["outage"]).await;
    server.kill();
    until(|| !bus.health().is_healthy()).await;
    let handle = bus.handle();
    let publish = tokio::spawn(async move { handle.publish("outage", 7_u32).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!publish.is_finished());
    server.run();
    publish.await??;
    until(|| bus.health().is_healthy()).await;
    bus.close().await?;
    Ok(())
}
