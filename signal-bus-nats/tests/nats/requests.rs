//! Requests over a real server, whatever the delivery of the topics is.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use signal_bus::{
    Bus, BusGuard, BusHandle, Listener, PublishError, RequestError, Signal,
    transport::{TransportError, TransportFault},
};
use signal_bus_nats::{Delivery, Nats, Streams};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
    task::JoinSet,
};

use crate::{Noted, connected, jetstream, nats, server::Server, until};

const LONG: Duration = Duration::from_secs(60);

/// Both deliveries, with a stream for what is published.
fn deliveries(server: &Server) -> [Nats; 2] {
    let nats = nats(server).without_dead_letters();
    let at_most_once = nats.clone().delivery(Delivery::at_most_once());
    [nats, at_most_once]
}

/// Replies on `ask.rust`, with a name.
async fn responds(bus: &BusHandle, name: &'static str) -> anyhow::Result<Listener> {
    let listener = bus.respond("ask.rust", async move |number: Signal<u32>| {
        anyhow::ensure!(*number != 13, "not here");
        Ok(format!("{name} says {}", *number))
    })?;
    bus.connected().await;
    Ok(listener)
}

async fn asks(bus: &BusHandle, topic: &str, number: u32) -> Result<String, RequestError<u32>> {
    let asked = bus.request::<u32, String>(topic, number, LONG).await;
    asked.map(|reply| String::clone(&reply))
}

fn refused(asked: Result<String, RequestError<u32>>) -> TransportError {
    match asked {
        Err(RequestError::Refused(PublishError::Transport { error, .. })) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_goes_to_one_process_and_its_reply_comes_back() -> anyhow::Result<()> {
    let server = Server::start();
    for nats in deliveries(&server) {
        let here = connected(&nats, &["ask.>"]).await;
        let (one, two) = (
            connected(&nats, &["ask.>"]).await,
            connected(&nats, &["ask.>"]).await,
        );
        let nobody = asks(&here, "ask.rust", 1).await;
        assert!(
            matches!(nobody, Err(RequestError::NoResponders { request: 1, .. })),
            "{nobody:?}"
        );
        let listeners = [responds(&one, "one").await?, responds(&two, "two").await?];
        for number in 0..10 {
            let said = asks(&here, "ask.rust", number).await?;
            assert!(said.ends_with(&format!("says {number}")), "{said}");
        }
        let failed = asks(&here, "ask.rust", 13).await.unwrap_err().to_string();
        assert_eq!(failed, "the request on `ask.rust` has failed: not here");
        let handled = one.stats().total.accepted + two.stats().total.accepted;
        assert_eq!(handled, 11, "each was handled once");
        // Where somebody replies here, nothing leaves.
        assert_eq!(asks(&one, "ask.rust", 7).await?, "one says 7");
        drop(listeners);
        for bus in [here, one, two] {
            bus.close().await?;
        }
    }
    Ok(())
}

/// Somebody who is slow to reply on `ask.slow`, and what has been asked.
fn responds_after(bus: &BusHandle, time: Duration) -> anyhow::Result<(Listener, Noted<u32>)> {
    let noted = Noted::default();
    let notes = noted.clone();
    let slow = bus.respond("ask.slow", async move |number: Signal<u32>| {
        notes.note(*number);
        tokio::time::sleep(time).await;
        anyhow::Ok(number.to_string())
    })?;
    Ok((slow, noted))
}

#[tokio::test]
async fn a_requester_that_gives_up_is_not_waited_for() -> anyhow::Result<()> {
    let server = Server::start();
    for nats in deliveries(&server) {
        let (here, there) = (
            connected(&nats, &["ask.>"]).await,
            connected(&nats, &["ask.>"]).await,
        );
        let (slow, noted) = responds_after(&there, Duration::from_millis(400))?;
        there.connected().await;
        let limit = Duration::from_millis(100);
        let late = here.request::<u32, String>("ask.slow", 1, limit).await;
        assert_eq!(
            late.unwrap_err().to_string(),
            "no reply on `ask.slow` within 100ms"
        );
        assert_eq!(asks(&here, "ask.slow", 2).await?, "2");
        assert_eq!(noted.all(), [1, 2]);
        drop(slow);
        there.close().await?;
        here.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_close_waits_until_the_replies_have_left() -> anyhow::Result<()> {
    let server = Server::start();
    for nats in deliveries(&server) {
        let (here, there) = (
            connected(&nats, &["ask.>"]).await,
            connected(&nats, &["ask.>"]).await,
        );
        let (slow, noted) = responds_after(&there, Duration::from_millis(200))?;
        slow.detach();
        there.connected().await;
        let closes = async {
            until(|| !noted.all().is_empty()).await;
            there.close().await
        };
        let (reply, closed) = tokio::join!(asks(&here, "ask.slow", 7), closes);
        assert_eq!(reply?, "7");
        closed?;
        here.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_the_server_does_not_permit_is_an_error_at_once() -> anyhow::Result<()> {
    let config = r#"
        authorization { users: [
            { user: ann, password: secret, permissions: {
                publish: ["ask.>", "$JS.>", "_INBOX.>"], subscribe: ["ask.>", "_INBOX.>"] } },
            { user: bob, password: secret }
        ] }
    "#;
    let server = Server::with(config, &["-js"]);
    let url = |user: &str| {
        server
            .url()
            .replace("nats://", &format!("nats://{user}:secret@"))
    };
    for delivery in [Delivery::at_least_once(), Delivery::at_most_once()] {
        let with = |user: &str| -> anyhow::Result<Nats> {
            let nats = Nats::at(&url(user))?.create_streams(Streams::named("TEST"));
            Ok(nats.without_dead_letters().delivery(delivery.clone()))
        };
        let begun = Instant::now();
        let bob = connected(&with("bob")?, &["ask.>"]).await;
        let _responder = responds(&bob, "bob").await?;
        let ann = connected(&with("ann")?, &["ask.>"]).await;
        let error = refused(asks(&ann, "ask.rust", 7).await);
        assert_eq!(error.fault(), TransportFault::Unauthorized, "{error}");
        assert!(error.to_string().contains("request.ask.rust"), "{error}");
        ann.close().await?;
        bob.close().await?;
        // Nor may it reply.
        let bus = Bus::empty().with::<replies>();
        let error = bus.connect_to(with("ann")?, ["ask.>"]).start().await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("request.ask.declared"), "{error}");
        assert!(begun.elapsed() < LONG / 3);
    }
    Ok(())
}

#[signal_bus::subscriber("ask.declared", reply)]
async fn replies(number: u32) -> String {
    number.to_string()
}

/// How often somebody has asked, and how often there was no word in time.
#[derive(Default)]
struct Asked {
    all: u32,
    late: u32,
}

const SOON: Duration = Duration::from_secs(10);

/// Asks again and again, until it is over.
async fn keeps_asking(bus: BusGuard, over: Arc<AtomicBool>) -> anyhow::Result<Asked> {
    let mut asked = Asked::default();
    while !over.load(Ordering::Relaxed) {
        asked.all += 1;
        match bus.request::<u32, String>("ask.rust", 7, SOON).await {
            Ok(reply) => assert!(reply.ends_with("says 7"), "{reply}"),
            Err(RequestError::TimedOut { .. }) => asked.late += 1,
            Err(error) => return Err(error.into()),
        }
    }
    bus.close().await?;
    Ok(asked)
}

/// The same, by somebody who is no bus.
async fn another_keeps_asking(
    client: async_nats::Client,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Asked> {
    let mut asked = Asked::default();
    while !over.load(Ordering::Relaxed) {
        asked.all += 1;
        let request = async_nats::Request::new().payload("7".into());
        let request = request.timeout(Some(SOON));
        let Ok(reply) = client.send_request("request.ask.rust", request).await else {
            asked.late += 1;
            continue;
        };
        let refused = reply
            .headers
            .is_some_and(|headers| headers.get("Signal-Gone").is_some());
        assert!(refused || reply.payload.ends_with(b"says 7\""));
    }
    Ok(asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_somebody_who_leaves_is_replied_to_by_another() -> anyhow::Result<()> {
    const TIMES: u32 = 100;
    let server = Server::start();
    for nats in deliveries(&server) {
        let (staying, leaving) = (
            connected(&nats, &["ask.>"]).await,
            connected(&nats, &["ask.>"]).await,
        );
        let _stays = responds(&staying, "one who stays").await?;
        let (over, mut asking) = (Arc::<AtomicBool>::default(), JoinSet::new());
        for _ in 0..4 {
            let bus = connected(&nats, &["ask.>"]).await;
            asking.spawn(keeps_asking(bus, Arc::clone(&over)));
        }
        let client = async_nats::connect(server.url()).await?;
        asking.spawn(another_keeps_asking(client, Arc::clone(&over)));
        for _ in 0..TIMES {
            let leaves = responds(&leaving, "one who leaves").await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
            leaves.close().await?;
            leaving.connected().await;
        }
        over.store(true, Ordering::Relaxed);
        let mut all = Asked::default();
        while let Some(asked) = asking.join_next().await {
            let asked = asked??;
            all.all += asked.all;
            all.late += asked.late;
        }
        let Asked { all, late } = all;
        println!("{late} of {all} were late, while a responder left {TIMES} times");
        // One that comes as the client forgets the subscription is lost; where only that unsubscribes it is one of sixteen leaves.
        assert!(late < TIMES / 25, "{late} of {all} were late");
        staying.close().await?;
        leaving.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_away_is_told_at_once_and_found_again() -> anyhow::Result<()> {
    let mut server = Server::start();
    let [_, nats] = deliveries(&server);
    let (here, there) = (
        connected(&nats, &["ask.>"]).await,
        connected(&nats, &["ask.>"]).await,
    );
    let _responder = responds(&there, "there").await?;
    assert_eq!(asks(&here, "ask.rust", 1).await?, "there says 1");
    server.kill();
    until(|| !here.health().is_healthy()).await;
    let begun = Instant::now();
    let error = refused(asks(&here, "ask.rust", 2).await);
    assert_eq!(error.fault(), TransportFault::Unreachable, "{error}");
    assert!(begun.elapsed() < LONG / 3);
    server.run();
    until(|| here.health().is_healthy() && there.health().is_healthy()).await;
    let begun = Instant::now();
    loop {
        // Who replies is known to the server again a little later than who asks.
        match asks(&here, "ask.rust", 3).await {
            Ok(said) => break assert_eq!(said, "there says 3"),
            Err(error) => assert!(begun.elapsed() < LONG / 2, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_stream_that_answers_requests_is_named() -> anyhow::Result<()> {
    let server = Server::start();
    let greedy = async_nats::jetstream::stream::Config {
        name: "GREEDY".into(),
        subjects: vec!["request.>".into()],
        ..Default::default()
    };
    jetstream(&server).await.create_stream(greedy).await?;
    let nats = nats(&server).without_dead_letters();
    let bus = connected(&nats, &["ask.>"]).await;
    let error = refused(asks(&bus, "ask.rust", 1).await).to_string();
    assert!(
        error.contains("`GREEDY` holds `request.ask.rust`"),
        "{error}"
    );
    assert!(error.contains("Nats::requests_below"), "{error}");
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn subjects_of_others_can_be_asked_and_served() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    let nats = Nats::at(&server.url())?.delivery(Delivery::at_most_once());
    let (plain, below) = (
        nats.clone().requests_below("")?,
        nats.prefix("shop")?.requests_below("services.v1")?,
    );
    let client = async_nats::connect(server.url()).await?;
    for (nats, subject) in [(plain, "ask.rust"), (below, "services.v1.shop.ask.rust")] {
        let bus = connected(&nats, &["ask.>"]).await;
        let _responder = responds(&bus, "Rust").await?;
        let reply = client.request(subject, "7".into()).await?;
        assert_eq!(&*reply.payload, b"\"Rust says 7\"");
        bus.close().await?;
    }
    assert!(Nats::at(&server.url())?.requests_below("a..b").is_err());
    Ok(())
}

/// Python that replies, and asks.
fn python(server: &Server) -> anyhow::Result<tokio::process::Child> {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/python"));
    command.arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/nats-py"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/ask.py"));
    command.arg(server.url());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command.kill_on_drop(true).spawn()?)
}

async fn talks(bus: &BusGuard, server: &Server) -> anyhow::Result<()> {
    let mut python = python(server)?;
    let stdout = python.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(stdout).lines();
    let line = lines.next_line().await?;
    assert_eq!(line.as_deref(), Some("ready"), "what is wrong is above");
    assert_eq!(asks(bus, "ask.python", 7).await?, "Python says 7");
    let failed = asks(bus, "ask.python", 13).await.unwrap_err().to_string();
    assert_eq!(
        failed,
        "the request on `ask.python` has failed: not that one"
    );
    let _responder = responds(bus, "Rust").await?;
    let line = lines.next_line().await?;
    assert_eq!(line.as_deref(), Some("asked"), "what is wrong is above");
    let mut stdin = python.stdin.take().expect("it is piped");
    stdin.write_all(b"\n").await?;
    assert!(python.wait().await?.success());
    Ok(())
}

#[tokio::test]
async fn python_replies_and_is_replied_to() -> anyhow::Result<()> {
    let server = Server::start();
    for nats in deliveries(&server) {
        let bus = Bus::empty().carry::<u32>().carry::<String>();
        let bus = bus.on_error(|_, _| {}).connect_to(nats, ["ask.>"]);
        let bus = bus.start().await?;
        talks(&bus, &server).await?;
        bus.close().await?;
    }
    Ok(())
}
