//! Streams that delete what nobody has had yet.

use std::time::Duration;

use async_nats::jetstream::stream::Config;
use futures_util::StreamExt as _;
use signal_bus::{
    BusGuard, Listener, Signal,
    transport::{Incoming, Interest, Start, Transport as _},
};
use signal_bus_nats::{Delivery, Nats};
use tokio::sync::watch;

use crate::{Noted, connected, jetstream, server::Server, until};

/// A stream of somebody else, which forgets its oldest when it is full, unless it is told otherwise.
async fn stream(server: &Server, subjects: &[&str], limits: Config) -> anyhow::Result<Nats> {
    let config = Config {
        name: "SMALL".into(),
        subjects: subjects.iter().copied().map(str::to_owned).collect(),
        ..limits
    };
    jetstream(server).await.create_stream(config).await?;
    let nats = Nats::at(&server.url())?.without_dead_letters();
    Ok(nats.delivery(Delivery::at_least_once().max_pending(4)))
}

fn newest(count: i64) -> Config {
    Config {
        max_messages: count,
        ..Config::default()
    }
}

/// Notes what it hears, once it may, and waits until the server knows that it hears.
async fn hears(
    bus: &BusGuard,
    pattern: &str,
    group: &str,
    may: &watch::Sender<bool>,
) -> anyhow::Result<(Listener, Noted<u32>)> {
    let noted = Noted::default();
    let (notes, may) = (noted.clone(), may.subscribe());
    let member = bus.subscription::<u32>(pattern).group(group).capacity(1);
    let listener = member.listen(move |x: Signal<u32>| {
        let (notes, mut may) = (notes.clone(), may.clone());
        async move {
            drop(may.wait_for(|may| *may).await);
            notes.note(*x);
        }
    })?;
    bus.connected().await;
    Ok((listener, noted))
}

async fn publish(bus: &BusGuard, topic: &str, numbers: std::ops::Range<u32>) -> anyhow::Result<()> {
    for number in numbers {
        bus.publish(topic, number).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_deleted_while_a_group_is_away_is_told_when_it_returns() -> anyhow::Result<()> {
    let server = Server::start();
    let nats = stream(&server, &["few.>"], newest(10)).await?;
    let may = watch::Sender::new(true);
    let other = connected(&nats, &["few.>"]).await;
    // It hears all that the stream holds.
    let bus = connected(&nats, &["few.>"]).await;
    let (listener, noted) = hears(&bus, "few.>", "late", &may).await?;
    publish(&other, "few.eu", 0..5).await?;
    until(|| noted.all().len() == 5).await;
    assert_eq!(bus.stats().lost_on_the_way, 0);
    listener.detach();
    bus.close().await?;
    publish(&other, "few.eu", 5..55).await?;
    let bus = connected(&nats, &["few.>"]).await;
    let (_listener, noted) = hears(&bus, "few.>", "late", &may).await?;
    until(|| noted.all().len() == 10).await;
    assert!(noted.all().into_iter().eq(45..55));
    assert_eq!(bus.stats().lost_on_the_way, 40);
    // And what is purged, by hand, while nothing waits is lost for nobody.
    let stream = jetstream(&server).await.get_stream("SMALL").await?;
    until(|| bus.stats().total.outstanding == 0).await;
    stream.purge().await?;
    publish(&other, "few.eu", 55..60).await?;
    until(|| noted.all().len() == 15).await;
    assert_eq!(bus.stats().lost_on_the_way, 40);
    bus.close().await?;
    other.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_deleted_under_those_who_are_slow_is_counted() -> anyhow::Result<()> {
    let server = Server::start();
    let nats = stream(&server, &["slow.>"], newest(10)).await?;
    let other = connected(&nats, &["slow.>"]).await;
    let may = watch::Sender::new(false);
    let bus = connected(&nats, &["slow.>"]).await;
    let (_listener, noted) = hears(&bus, "slow.>", "slow", &may).await?;
    publish(&other, "slow.eu", 0..200).await?;
    may.send_replace(true);
    let accounted = || {
        let count = u64::try_from(noted.all().len()).unwrap();
        count + bus.stats().lost_on_the_way
    };
    until(|| accounted() == 200).await;
    assert_eq!(noted.all().last(), Some(&199));
    // Nor is more told than was lost.
    publish(&other, "slow.eu", 200..210).await?;
    until(|| noted.all().last() == Some(&209)).await;
    assert_eq!(accounted(), 210);
    bus.close().await?;
    other.close().await?;
    Ok(())
}

#[tokio::test]
async fn members_of_a_group_are_told_of_no_more_than_the_group_has_missed() -> anyhow::Result<()> {
    let server = Server::start();
    let nats = stream(&server, &["team.>"], newest(10)).await?;
    let other = connected(&nats, &["team.>"]).await;
    let may = watch::Sender::new(false);
    let mut members = Vec::new();
    for _ in 0..2 {
        let bus = connected(&nats, &["team.>"]).await;
        let (listener, noted) = hears(&bus, "team.>", "team", &may).await?;
        members.push((bus, listener, noted));
    }
    publish(&other, "team.eu", 0..200).await?;
    may.send_replace(true);
    let handled = || members.iter().flat_map(|member| member.2.all());
    until(|| handled().any(|x| x == 199)).await;
    until(|| {
        members
            .iter()
            .all(|member| 0 < member.0.stats().lost_on_the_way)
    })
    .await;
    let missed = 200 - u64::try_from(handled().count())?;
    for (bus, ..) in &members {
        assert!(bus.stats().lost_on_the_way <= missed);
    }
    for (bus, listener, _) in members {
        drop(listener);
        bus.close().await?;
    }
    other.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_deleted_in_the_middle_of_a_stream_is_counted() -> anyhow::Result<()> {
    let server = Server::start();
    let newest_of_each = Config {
        max_messages_per_subject: 1,
        ..Config::default()
    };
    let nats = stream(&server, &["each.>"], newest_of_each).await?;
    let other = connected(&nats, &["each.>"]).await;
    let may = watch::Sender::new(true);
    let bus = connected(&nats, &["each.>"]).await;
    let (listener, noted) = hears(&bus, "each.>", "late", &may).await?;
    publish(&other, "each.a", 0..1).await?;
    until(|| noted.all().len() == 1).await;
    listener.detach();
    bus.close().await?;
    publish(&other, "each.b", 1..2).await?;
    publish(&other, "each.c", 2..12).await?;
    let bus = connected(&nats, &["each.>"]).await;
    let (_listener, noted) = hears(&bus, "each.>", "late", &may).await?;
    until(|| noted.all() == [1, 11]).await;
    until(|| bus.stats().lost_on_the_way == 9).await;
    bus.close().await?;
    other.close().await?;
    Ok(())
}

/// What a connection is told beside its messages.
async fn told(nats: &Nats, interest: &Interest) -> anyhow::Result<(u64, String)> {
    let connection = nats
        .connect(std::slice::from_ref(&interest.pattern))
        .await?;
    let mut incoming = connection.subscribe(interest).await?;
    let wait = Duration::from_secs(60);
    let Some(Incoming::Lost { count, reason }) =
        tokio::time::timeout(wait, incoming.next()).await?
    else {
        panic!("it is told first");
    };
    connection.drain().await?;
    Ok((count, reason))
}

#[tokio::test]
async fn of_a_part_of_a_stream_is_told_how_many_it_were_at_most() -> anyhow::Result<()> {
    let server = Server::start();
    let nats = stream(&server, &["part.>"], newest(10)).await?;
    let other = connected(&nats, &["part.>"]).await;
    let may = watch::Sender::new(true);
    let bus = connected(&nats, &["part.>"]).await;
    let (listener, noted) = hears(&bus, "part.eu", "late", &may).await?;
    publish(&other, "part.eu", 0..1).await?;
    until(|| noted.all().len() == 1).await;
    listener.detach();
    bus.close().await?;
    publish(&other, "part.eu", 1..6).await?;
    publish(&other, "part.us", 6..31).await?;
    let (count, reason) = told(&nats, &Interest::all("part.eu").shared("late")).await?;
    assert_eq!(count, 0, "nobody knows how many");
    for said in [
        "`SMALL`",
        "20 messages",
        "`late`",
        "`part.eu`",
        "nobody knows",
    ] {
        assert!(reason.contains(said), "{reason}");
    }
    // Whoever wants to go on after a place that the stream has no more.
    let all = Interest::all("part.>").starting(Start::After(3));
    let (count, reason) = told(&nats, &all).await?;
    assert_eq!(count, 18);
    for said in ["`SMALL`", "deleted 18 before", "`part.>`"] {
        assert!(reason.contains(said), "{reason}");
    }
    other.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_too_old_when_the_server_comes_back_is_counted() -> anyhow::Result<()> {
    let mut server = Server::start();
    let short = Config {
        max_age: Duration::from_secs(2),
        ..Config::default()
    };
    let nats = stream(&server, &["old.>"], short).await?;
    let other = connected(&nats, &["old.>"]).await;
    let may = watch::Sender::new(false);
    let bus = connected(&nats, &["old.>"]).await;
    let (_listener, noted) = hears(&bus, "old.>", "old", &may).await?;
    publish(&other, "old.eu", 0..20).await?;
    let jetstream = jetstream(&server).await;
    server.kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.run();
    until(|| bus.health().is_healthy() && other.health().is_healthy()).await;
    let begun = std::time::Instant::now();
    loop {
        let stream = jetstream.get_stream("SMALL").await;
        if stream.is_ok_and(|stream| stream.cached_info().state.messages == 0) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    may.send_replace(true);
    let accounted = || u64::try_from(noted.all().len()).unwrap() + bus.stats().lost_on_the_way;
    until(|| accounted() == 20).await;
    assert!(0 < bus.stats().lost_on_the_way);
    publish(&other, "old.eu", 20..25).await?;
    until(|| noted.all().last() == Some(&24)).await;
    assert_eq!(accounted(), 25);
    bus.close().await?;
    other.close().await?;
    Ok(())
}
