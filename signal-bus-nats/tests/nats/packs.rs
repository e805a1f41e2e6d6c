//! Signals at most once, many in one message.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Subscriber};
use futures_util::StreamExt as _;
use signal_bus::{
    Bus, BusGuard, Headers, PublishError, Signal, inject, publisher, subscriber,
    transport::{Message, Transport as _, TransportFault},
};
use signal_bus_nats::{Delivery, Nats};

use crate::{Noted, connected, noting, server::Server, until};

const PACK: &str = "application/vnd.signal-bus.pack; version=1";

fn nats(server: &Server) -> Nats {
    let nats = Nats::at(&server.url()).unwrap();
    nats.delivery(Delivery::at_most_once().packed())
}

fn plain(server: &Server) -> Nats {
    nats(server).delivery(Delivery::at_most_once())
}

/// Notes the numbers that come.
async fn hears(bus: &BusGuard, pattern: &str) -> anyhow::Result<Noted<u32>> {
    let (listener, noted) = noting(bus, pattern, None)?;
    listener.detach();
    bus.connected().await;
    Ok(noted)
}

/// What is on the wire, past the bus.
async fn wire(server: &Server, subject: &'static str) -> anyhow::Result<(Client, Subscriber)> {
    let client = async_nats::connect(server.url()).await?;
    let subscriber = client.subscribe(subject).await?;
    // Once something has come back, the server knows of both.
    let inbox = client.new_inbox();
    let mut back = client.subscribe(inbox.clone()).await?;
    client.publish(inbox, "".into()).await?;
    back.next().await;
    Ok((client, subscriber))
}

/// How many signals a message is.
fn count(message: &async_nats::Message) -> usize {
    let header = |name| Some(message.headers.as_ref()?.get(name)?.as_str());
    match header("Content-Type") == Some(PACK) {
        true => header("Signal-Count").unwrap().parse().unwrap(),
        false => 1,
    }
}

/// Reads messages until they hold so many signals; how many each holds, and how large they are.
async fn read(wire: &mut Subscriber, signals: usize) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    while all.iter().map(|(count, _)| count).sum::<usize>() < signals {
        let message = wire.next().await.unwrap();
        all.push((count(&message), message.length - message.subject.len()));
    }
    all
}

async fn end(buses: impl IntoIterator<Item = BusGuard>) -> anyhow::Result<()> {
    for bus in buses {
        assert_eq!(bus.stats().lost_on_the_way, 0);
        assert!(bus.dead_letters().is_empty());
        bus.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_four_publish_at_once_comes_in_order_and_in_packs() -> anyhow::Result<()> {
    const EACH: u32 = 5_000;
    let server = Server::with("", &[]);
    let (here, there) = (
        connected(&nats(&server), &["many"]).await,
        connected(&plain(&server), &["many"]).await,
    );
    let noted = hears(&there, "many").await?;
    let (_client, mut wire) = wire(&server, "many").await?;
    let mut publishing = tokio::task::JoinSet::new();
    for task in 0..4 {
        let bus = here.handle();
        publishing.spawn(async move {
            for x in 0..EACH {
                bus.publish("many", task * EACH + x).await.unwrap();
            }
        });
    }
    publishing.join_all().await;
    until(|| noted.all().len() == 4 * EACH as usize).await;
    for task in 0..4 {
        let (begin, end) = (task * EACH, (task + 1) * EACH);
        let own = noted.all().into_iter();
        let own = own.filter(|x| (begin..end).contains(x));
        assert_eq!(own.collect::<Vec<_>>(), (begin..end).collect::<Vec<_>>());
    }
    let messages = read(&mut wire, 4 * EACH as usize).await;
    println!("{} signals in {} messages", 4 * EACH, messages.len());
    assert!(messages.len() < 2 * EACH as usize, "{}", messages.len());
    end([here, there]).await
}

#[tokio::test]
async fn the_order_is_that_of_the_publishes_whatever_is_packed() -> anyhow::Result<()> {
    let server = Server::with("max_payload: 4096", &[]);
    let (here, there) = (
        connected(&nats(&server), &["order.>"]).await,
        connected(&nats(&server), &["order.>"]).await,
    );
    let mut heard = there.subscribe::<String>("order.>")?;
    there.connected().await;
    let (_client, mut wire) = wire(&server, "order.>").await?;
    let mut all = Vec::new();
    for x in 0..600_usize {
        // Some are too large for a pack, and some are alone between those of another topic.
        let length = if x % 50 == 49 { 3_500 } else { x % 300 };
        let topic = if x % 7 == 6 { "order.b" } else { "order.a" };
        all.push((topic, format!("{x}{}", "x".repeat(length))));
        here.publish(topic, all[x].1.clone()).await?;
    }
    for (topic, text) in &all {
        let signal = heard.recv().await.expect("it comes");
        assert_eq!((signal.topic(), &**signal), (*topic, &**text));
    }
    let messages = read(&mut wire, all.len()).await;
    assert!(messages.iter().any(|(count, _)| 1 < *count), "{messages:?}");
    let largest = messages.iter().map(|(_, size)| *size).max();
    assert!(largest.is_some_and(|size| size <= 4096), "{messages:?}");
    drop(heard);
    end([here, there]).await
}

#[publisher("led.to")]
async fn lead(number: u32) -> u32 {
    number
}

#[subscriber("leads")]
async fn leads(count: u32) {
    for number in 0..count {
        let headers = Headers::new().with("Tenant", format!(" of {number} "));
        headers.scope(lead(number)).await;
    }
}

#[subscriber("led.to")]
async fn led(number: Signal<u32>, #[inject] noted: &Noted<(u32, Headers)>) {
    noted.note((*number, number.headers().clone()));
}

#[tokio::test]
async fn headers_ids_and_what_led_to_a_signal_travel_in_packs() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    let noted = Noted::<(u32, Headers)>::default();
    let topics = ["leads", "led.to"];
    let here = Bus::empty().with::<leads>();
    let here = here.connect_to(nats(&server), topics).start().await?;
    let there = Bus::empty().with::<led>().provide(noted.clone());
    let there = there.connect_to(nats(&server), topics).start().await?;
    let mut first = there.subscribe::<u32>("leads")?;
    there.connected().await;
    let (_client, mut wire) = wire(&server, "led.to").await?;
    here.publish("leads", 100_u32).await?;
    let first = first.recv().await.expect("it comes");
    until(|| noted.all().len() == 100).await;
    let mut ids = Vec::new();
    for (number, (x, headers)) in (0..).zip(noted.all()) {
        assert_eq!(x, number);
        assert_eq!(headers.get("Tenant"), Some(&*format!(" of {number} ")));
        for name in ["Signal-Parent", "Signal-Root"] {
            assert_eq!(headers.get(name), first.header("Signal-Id"));
        }
        ids.extend(headers.get("Signal-Id").map(str::to_owned));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100);
    assert!(read(&mut wire, 100).await.len() < 50);
    end([here, there]).await
}

#[tokio::test]
async fn packed_and_plain_publishers_share_a_topic() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    let (packed, plain) = (
        connected(&nats(&server), &["both"]).await,
        connected(&plain(&server), &["both"]).await,
    );
    let (by_plain, by_packed) = (hears(&packed, "both").await?, hears(&plain, "both").await?);
    for x in 0..1000_u32 {
        packed.publish("both", x).await?;
        plain.publish("both", x).await?;
    }
    let all: Vec<_> = (0..1000).collect();
    for noted in [by_plain, by_packed] {
        // Its own ones come here, too.
        until(|| noted.all().len() == 2000).await;
        let mut noted = noted.all();
        noted.sort_unstable();
        noted.dedup();
        assert_eq!(noted, all);
    }
    end([packed, plain]).await
}

#[tokio::test]
async fn a_close_loses_nothing_that_was_published_before() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    let there = connected(&plain(&server), &["last"]).await;
    let noted = hears(&there, "last").await?;
    let mut count = 0;
    for round in 0..20_u32 {
        let here = connected(&nats(&server), &["last"]).await;
        for x in 0..=50 * round {
            here.publish("last", x).await?;
            count += 1;
        }
        here.close().await?;
        until(|| noted.all().len() == count).await;
    }
    end([there]).await
}

/// Publishes numbers from one on until one is refused; how many were not.
async fn publish_until_refused(bus: &BusGuard, topic: &str, text: &str) -> u64 {
    for x in 0.. {
        match bus.publish(topic, text.to_owned()).await {
            Ok(_) => {}
            Err(PublishError::Transport { error, .. }) => {
                println!("{x} were taken, and then: {error}");
                return x;
            }
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!("it is refused before")
}

#[tokio::test]
async fn what_a_server_that_stands_still_has_not_taken_is_bounded_and_comes() -> anyhow::Result<()>
{
    let server = Server::with("", &[]);
    let impatient = nats(&server).publish_timeout(Duration::from_millis(500));
    let (here, there) = (
        connected(&impatient, &["still"]).await,
        connected(&plain(&server), &["still"]).await,
    );
    let counts = there.listen("still", async |_: Signal<String>| {})?;
    there.connected().await;
    let text = "x".repeat(1000);
    here.publish("still", text.clone()).await?;
    server.stop();
    let taken = publish_until_refused(&here, "still", &text).await;
    // 256 packs of 32 KiB with the client, as much as eight waiting, and what the system takes of a connection.
    assert!((1000..40_000).contains(&taken), "{taken}");
    server.signal("CONT");
    until(|| there.stats().total.done == taken + 1).await;
    drop(counts);
    end([here, there]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_packed_when_the_server_was_killed_comes_or_is_counted() -> anyhow::Result<()> {
    let mut server = Server::with("", &[]);
    let (here, there) = (
        connected(&nats(&server), &["killed"]).await,
        connected(&nats(&server), &["killed"]).await,
    );
    let noted = hears(&there, "killed").await?;
    let mut taken = 0;
    let mut lost = 0;
    for _ in 0..3 {
        // Enough for packs, so that there is something to count from.
        for x in 0..1000_u32 {
            taken += u64::from(here.publish("killed", x).await.is_ok());
        }
        until(|| !noted.all().is_empty()).await;
        let killing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            server.kill();
            server
        });
        while here.publish("killed", 1_u32).await.is_ok() {
            taken += 1;
        }
        server = killing.join().unwrap();
        server.run();
        until(|| here.health().is_healthy() && there.health().is_healthy()).await;
        // Who hears may be back later than who publishes; what it misses meanwhile it counts, too.
        let seen = || noted.all().len() as u64 + there.stats().lost_on_the_way;
        while seen() < taken {
            for x in 0..200_u32 {
                taken += u64::from(here.publish("killed", x).await.is_ok());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(seen(), taken);
        lost = there.stats().lost_on_the_way;
    }
    println!("{taken} were published, {lost} of them lost and counted");
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_has_not_left_at_the_end_is_told_with_its_number() -> anyhow::Result<()> {
    let mut server = Server::with("", &[]);
    let impatient = nats(&server).publish_timeout(Duration::from_millis(500));
    let connection = impatient.connect(&["end".to_owned()]).await?;
    let message = Message::new("end", "x".repeat(1000), Headers::new());
    connection.publish(&message).await?;
    server.stop();
    while connection.publish(&message).await.is_ok() {}
    server.kill();
    let error = connection.drain().await.expect_err("it cannot leave");
    let count = error.to_string();
    let count = count.split_once(" signals that were published have not left");
    let count: usize = count.expect("it says so").0.parse()?;
    println!("{count} have not left");
    // What waits for the client: at least as much as makes a publish wait.
    assert!((256..300).contains(&count), "{count}");
    assert!(connection.publish(&message).await.is_err());
    Ok(())
}

#[tokio::test]
async fn packs_that_nobody_can_read_are_dead_letters_and_harm_nobody() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    let there = connected(&nats(&server), &["food"]).await;
    let noted = hears(&there, "food").await?;
    let client = async_nats::connect(server.url()).await?;
    let good = [&[0, 0, 0, 1, b'7'][..], &[0, 0, 0, 1, b'8']].concat();
    let bad = [
        (&good[..], "3"),
        (&good, "1"),
        (&good, "0"),
        (&good, "18446744073709551615"),
        (&good, "many"),
        (&good[..9], "2"),
        (b"", "1"),
        (&[0xff; 4096], "1000"),
    ];
    for (payload, count) in bad {
        let mut headers = HeaderMap::new();
        headers.insert("Content-Type", PACK);
        headers.insert("Signal-Count", count);
        headers.insert("Signal-Before", "ffffffffffffffff-18446744073709551615");
        let sent = client.publish_with_headers("food", headers, payload.to_vec().into());
        sent.await?;
    }
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", PACK);
    headers.insert("Signal-Count", "2");
    client
        .publish_with_headers("food", headers, good.clone().into())
        .await?;
    until(|| noted.all() == [7, 8]).await;
    until(|| there.dead_letters().len() == bad.len()).await;
    assert_eq!(there.stats().lost_on_the_way, 0);
    there.close().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_what_waits_counts_signals_and_not_packs() -> anyhow::Result<()> {
    const SIGNALS: u64 = 80_000;
    let server = Server::with("", &[]);
    let (here, there) = (
        connected(&nats(&server), &["flood.>"]).await,
        connected(&plain(&server), &["flood.>"]).await,
    );
    let (begin, begun) = tokio::sync::watch::channel(false);
    let slow = there.subscription::<u32>("flood.all").capacity(1);
    let listener = slow.listen(move |_: Signal<u32>| {
        let mut begun = begun.clone();
        async move { drop(begun.wait_for(|begun| *begun).await) }
    })?;
    let mut last = there.subscribe::<u32>("flood.end")?;
    there.connected().await;
    for x in 0..SIGNALS {
        here.publish("flood.all", u32::try_from(x)?).await?;
    }
    here.publish("flood.end", 0_u32).await?;
    last.recv().await.expect("it comes behind all of them");
    here.close().await?;
    begin.send_replace(true);
    until(|| {
        let stats = there.stats();
        stats.total.done + stats.lost_on_the_way == SIGNALS + 1
    })
    .await;
    let (done, lost) = (there.stats().total.done, there.stats().lost_on_the_way);
    println!("{done} handled, {lost} lost and counted");
    assert!((65_536..70_000).contains(&done), "{done}");
    drop((listener, last));
    there.close().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_be_out_of_reach_reaches_nobody() -> anyhow::Result<()> {
    let server = Server::start();
    let (_client, mut heard) = wire(&server, "first.>").await?;
    let nats = nats(&server).publish_timeout(Duration::from_millis(40));
    let topics = ["many".to_owned(), "first.>".to_owned()];
    let sends = nats.connect(&topics).await?;
    let many = Message::new("many", "x".repeat(1000), Headers::new());
    sends.publish(&many).await?;
    server.stop();
    // Until the client takes no more: some first ones are in a pack by then that has not left.
    let (mut out_of_reach, mut unknown) = (Vec::new(), 0);
    for number in 0..200 {
        for _ in 0..100 {
            if !matches!(sends.try_publish(&many), Some(Ok(()))) {
                break;
            }
        }
        let topic = format!("first.{number}");
        let first = Message::new(topic.clone(), "7", Headers::new());
        match sends.publish(&first).await.map_err(|error| error.fault()) {
            Err(TransportFault::Unreachable) => out_of_reach.push(topic),
            Err(TransportFault::Unknown) => unknown += 1,
            // The system has it.
            other => anyhow::ensure!(other.is_ok(), "{other:?}"),
        }
        if 5 < out_of_reach.len() {
            break;
        }
    }
    assert!(
        0 < unknown && 5 < out_of_reach.len(),
        "{unknown}, {out_of_reach:?}"
    );
    server.signal("CONT");
    let mut came = Vec::new();
    let second = Duration::from_secs(1);
    while let Ok(Some(message)) = tokio::time::timeout(second, heard.next()).await {
        came.push(message.subject.to_string());
    }
    assert!(!came.is_empty());
    assert!(
        out_of_reach.iter().all(|topic| !came.contains(topic)),
        "{out_of_reach:?} {came:?}"
    );
    Ok(())
}
