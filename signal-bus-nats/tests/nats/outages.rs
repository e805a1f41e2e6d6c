//! A server that is killed, stopped, or cut off.

use std::{
    collections::BTreeSet,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use signal_bus::{BusGuard, PublishError, Receipt, Signal, transport::TransportFault};
use signal_bus_nats::{Delivery, Nats, Streams};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    Noted, connected, jetstream, nats, noting, published_by_eight, server::Server, stored, until,
};

/// Publishes from eight tasks while something is done to the server, so often; how many came twice.
async fn outages(
    mut server: Server,
    signals: u32,
    (times, outage): (u32, fn(&mut Server)),
) -> anyhow::Result<usize> {
    let nats = nats(&server).publish_timeout(Duration::from_secs(60));
    let (here, there) = (
        connected(&nats, &["goes.on"]).await,
        connected(&nats, &["goes.on"]).await,
    );
    let noted = Noted::default();
    let notes = noted.clone();
    let listener = there.listen("goes.on", move |x: Signal<u32>| {
        notes.note(*x);
        async {}
    })?;
    there.connected().await;
    let mut publishing = published_by_eight(&here, "goes.on", signals);
    let killing = std::thread::spawn(move || {
        for _ in 0..times {
            std::thread::sleep(Duration::from_millis(300));
            outage(&mut server);
        }
        server
    });
    while let Some(published) = publishing.join_next().await {
        published??;
    }
    let all = (0..signals).collect::<BTreeSet<_>>();
    until(|| noted.all().len() >= all.len() && BTreeSet::from_iter(noted.all()) == all).await;
    assert_eq!(there.stats().lost_on_the_way, 0);
    drop(listener);
    here.close().await?;
    there.close().await?;
    let server = killing.join().expect("it comes back each time");
    let stored = stored(&jetstream(&server).await, "TEST").await;
    assert_eq!(
        stored,
        u64::from(signals),
        "what is sent again is stored once"
    );
    Ok(noted.all().len() - all.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() -> anyhow::Result<()> {
    let twice = outages(Server::start(), 8_000, (3, Server::restart)).await?;
    println!("{twice} of 8000 came twice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_asked_to_end() -> anyhow::Result<()> {
    let ends = |server: &mut Server| server.end("TERM");
    outages(Server::start(), 8_000, (2, ends)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_sends_its_clients_away() -> anyhow::Result<()>
{
    // A lame duck takes nobody on any more, sends those away who are there, one after the other, and ends.
    let server = Server::with(
        "lame_duck_grace_period: \"100ms\"\nlame_duck_duration: \"30s\"",
        &["-js"],
    );
    let ends = |server: &mut Server| server.end("USR2");
    outages(server, 8_000, (2, ends)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long: cargo test -p signal-bus-nats --test nats -- --ignored --nocapture killed_eight_times"]
async fn nothing_of_40_000_is_lost_when_the_server_is_killed_eight_times() -> anyhow::Result<()> {
    let twice = outages(Server::start(), 40_000, (8, Server::restart)).await?;
    println!("{twice} of 40000 came twice");
    Ok(())
}

/// Two buses; what the second one has heard is noted.
async fn pair(
    nats: &Nats,
    topic: &'static str,
) -> anyhow::Result<(BusGuard, BusGuard, Noted<u32>)> {
    let (here, there) = (
        connected(nats, &[topic]).await,
        connected(nats, &[topic]).await,
    );
    let (listener, noted) = noting(&there, topic, None)?;
    listener.detach();
    there.connected().await;
    Ok((here, there, noted))
}

/// Holds that nobody knows whether a publish has got through.
fn assert_unknown(published: Result<Receipt, PublishError<u32>>) {
    match published {
        Err(PublishError::Transport { error, .. }) => {
            assert_eq!(error.fault(), TransportFault::Unknown, "{error}");
        }
        other => panic!("{other:?}"),
    }
}

/// The server is stopped for so long, under a bus that publishes.
async fn stopped(outage: Duration, is_noticed: bool) -> anyhow::Result<()> {
    let server = Server::start();
    let patient = Delivery::at_least_once();
    let nats = nats(&server).delivery(patient);
    let (here, there, noted) =
        pair(&nats.publish_timeout(Duration::from_secs(2)), "stopped").await?;
    here.publish("stopped", 1_u32).await?;
    until(|| noted.all() == [1]).await;
    server.stop();
    let begun = Instant::now();
    assert_unknown(here.publish("stopped", 2_u32).await);
    assert!(begun.elapsed() < Duration::from_secs(10));
    if is_noticed {
        // Nobody has to wait for an answer to be told of it.
        until(|| !here.health().is_healthy()).await;
        println!("it is noticed after {:?}", begun.elapsed());
    }
    tokio::time::sleep(outage.saturating_sub(begun.elapsed())).await;
    server.signal("CONT");
    let begun = Instant::now();
    until(|| here.health().is_healthy() && there.health().is_healthy()).await;
    println!("healthy again after {:?}", begun.elapsed());
    // On a machine that has much to do it may take more than one.
    while here.publish("stopped", 3_u32).await.is_err() {}
    until(|| noted.all().contains(&3)).await;
    println!("heard again after {:?}", begun.elapsed());
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_stopped_leaves_an_unknown_outcome_and_all_goes_on_after()
-> anyhow::Result<()> {
    stopped(Duration::ZERO, true).await
}

#[tokio::test]
async fn a_server_that_is_stopped_for_a_moment_leaves_an_unknown_outcome_and_all_goes_on()
-> anyhow::Result<()> {
    stopped(Duration::from_secs(3), false).await
}

#[tokio::test]
#[ignore = "takes a minute: cargo test -p signal-bus-nats --test nats -- --ignored stopped_for_a_minute"]
async fn a_server_that_is_stopped_for_a_minute_is_heard_again_after() -> anyhow::Result<()> {
    stopped(Duration::from_secs(60), true).await
}

/// Stands before a server; as long as it is told to, it loses the answers to publishes, or all that comes, without a word.
struct Proxy {
    port: u16,
    loses: Arc<AtomicBool>,
    /// How many connections there were.
    accepted: Arc<AtomicU32>,
    silent: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    async fn before(server: &Server) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let loses = Arc::new(AtomicBool::new(false));
        let (silent, silence) = watch::channel(false);
        let (behind, lost) = (server.port, Arc::clone(&loses));
        let accepted = Arc::<AtomicU32>::default();
        let counted = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(("127.0.0.1", behind)).await else {
                    continue;
                };
                let between = between(client, server, Arc::clone(&lost));
                tokio::spawn(until_silence(between, silence.clone()));
            }
        });
        Ok(Self {
            port,
            loses,
            accepted,
            silent,
            task,
        })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Both ends hold the connection for good once it is silent, and hear nothing of it any more.
async fn until_silence(between: impl Future<Output = ()>, mut silence: watch::Receiver<bool>) {
    let mut between = pin!(between);
    let silent = async { drop(silence.wait_for(|silent| *silent).await) };
    tokio::select! {
        biased;
        () = silent => std::future::pending().await,
        () = &mut between => {}
    }
}

async fn between(client: TcpStream, server: TcpStream, loses: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async { drop(tokio::io::copy(&mut from_client, &mut to_server).await) };
    let back = async {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
            // What is lost is lost for good: the connection goes with it. Of all else a new one could not even begin.
            let answers = buffer[..count].windows(6).any(|part| part == b"\"seq\":");
            let lost = answers && loses.load(Ordering::SeqCst);
            if lost || to_client.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_noticed_and_what_was_stored_meanwhile_comes()
-> anyhow::Result<()> {
    let server = Server::start();
    let proxy = Proxy::before(&server).await?;
    let impatient = Delivery::at_least_once().ack_wait(Duration::from_secs(3));
    let direct = nats(&server).delivery(impatient.clone());
    let cut_off = Nats::at(&format!("nats://127.0.0.1:{}", proxy.port))?
        .delivery(impatient)
        .publish_timeout(Duration::from_secs(2));
    let other = connected(&direct, &["swallowed"]).await;
    let (here, there, noted) = pair(&cut_off, "swallowed").await?;
    other.publish("swallowed", 1_u32).await?;
    until(|| noted.all() == [1]).await;
    proxy.silent.send_replace(true);
    let begun = Instant::now();
    assert_unknown(here.publish("swallowed", 2_u32).await);
    // The server believes that it can deliver them.
    for x in 3..10_u32 {
        other.publish("swallowed", x).await?;
    }
    until(|| !here.health().is_healthy() && !there.health().is_healthy()).await;
    println!("it is noticed after {:?}", begun.elapsed());
    assert_eq!(noted.all(), [1]);
    proxy.silent.send_replace(false);
    until(|| here.health().is_healthy() && there.health().is_healthy()).await;
    while here.publish("swallowed", 10_u32).await.is_err() {}
    let all = || BTreeSet::from_iter(noted.all());
    until(|| all().is_superset(&(3..=10).collect())).await;
    for bus in [here, there, other] {
        bus.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_publish_whose_answer_is_lost_is_stored_once() -> anyhow::Result<()> {
    let server = Server::start();
    let proxy = Proxy::before(&server).await?;
    let nats = Nats::at(&format!("nats://127.0.0.1:{}", proxy.port))?
        .create_streams(Streams::named("TEST"))
        .publish_timeout(Duration::from_secs(20));
    let bus = connected(&nats, &["answer"]).await;
    let jetstream = jetstream(&server).await;
    for round in 0..3_u32 {
        proxy.loses.store(true, Ordering::SeqCst);
        let handle = bus.handle();
        let publish = tokio::spawn(async move { handle.publish("answer", round).await });
        while stored(&jetstream, "TEST").await == u64::from(round) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        proxy.loses.store(false, Ordering::SeqCst);
        publish.await??;
        assert_eq!(stored(&jetstream, "TEST").await, u64::from(round) + 1);
    }
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_publish_that_breaks_each_connection_leaves_others_time() -> anyhow::Result<()> {
    let server = Server::start();
    let proxy = Proxy::before(&server).await?;
    let nats = Nats::at(&format!("nats://127.0.0.1:{}", proxy.port))?
        .create_streams(Streams::named("TEST"))
        .publish_timeout(Duration::from_secs(4));
    let bus = connected(&nats, &["breaks"]).await;
    let before = proxy.accepted.load(Ordering::SeqCst);
    proxy.loses.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    assert_unknown(bus.publish("breaks", 1_u32).await);
    assert!(Duration::from_secs(4) <= begun.elapsed());
    let broken = proxy.accepted.load(Ordering::SeqCst) - before;
    assert!((2..12).contains(&broken), "{broken} times");
    proxy.loses.store(false, Ordering::SeqCst);
    until(|| bus.health().is_healthy()).await;
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_was_on_its_way_when_the_connection_was_lost_is_sent_again_once_it_stands()
-> anyhow::Result<()> {
    let mut server = Server::start();
    // Who waited for the answer that was lost would wait until then.
    let nats = nats(&server).publish_timeout(Duration::from_secs(4));
    let bus = connected(&nats, &["again"]).await;
    let jetstream = jetstream(&server).await;
    for round in 1..=3_u64 {
        server.stop();
        let handle = bus.handle();
        let publish = tokio::spawn(async move { handle.publish("again", 1_u32).await });
        // It is sent to a server that does not look at it.
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.restart();
        publish.await??;
        assert_eq!(stored(&jetstream, "TEST").await, round);
    }
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn without_a_server_publishes_end_and_so_does_the_close() -> anyhow::Result<()> {
    for (delivery, publishes) in [
        (Delivery::at_least_once(), 3),
        // More than the client would keep.
        (Delivery::at_most_once(), 3_000),
    ] {
        let mut server = Server::start();
        let within = Duration::from_millis(500);
        let nats = nats(&server).delivery(delivery).publish_timeout(within);
        let bus = connected(&nats, &["away"]).await;
        bus.publish("away", 1_u32).await?;
        server.kill();
        until(|| !bus.health().is_healthy()).await;
        for _ in 0..publishes {
            match bus.publish("away", 2_u32).await {
                Err(PublishError::Transport { signal: 2, error }) => {
                    assert_eq!(error.fault(), TransportFault::Unreachable, "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        let begun = Instant::now();
        bus.close().await?;
        assert!(
            begun.elapsed() < Duration::from_secs(8),
            "it waits for nobody"
        );
    }
    Ok(())
}
