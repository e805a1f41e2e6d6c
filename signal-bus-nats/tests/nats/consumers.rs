//! Consumers of `JetStream` that are slow, that vanish, and that are handed from one bus to another.

use std::{collections::BTreeSet, time::Duration};

use futures_util::StreamExt as _;
use signal_bus::{
    BusGuard, Listener, Signal,
    transport::{Incoming, Interest, Transport as _},
};
use signal_bus_nats::Delivery;

use crate::{Noted, connected, jetstream, nats, noting, server::Server, stored, until};

/// Notes each signal with its attempt, after a while.
fn slowly(
    bus: &BusGuard,
    topic: &str,
    takes: Duration,
) -> anyhow::Result<(Listener, Noted<(u32, u32)>)> {
    let noted = Noted::default();
    let notes = noted.clone();
    let slow = bus.subscription::<u32>(topic).capacity(1);
    let listener = slow.listen(move |x: Signal<u32>| {
        let notes = notes.clone();
        async move {
            tokio::time::sleep(takes).await;
            notes.note((*x, x.attempt()));
        }
    })?;
    Ok((listener, noted))
}

#[tokio::test]
async fn what_waits_anywhere_in_a_bus_is_not_handed_out_again() -> anyhow::Result<()> {
    let server = Server::start();
    let impatient = Delivery::at_least_once().ack_wait(Duration::from_millis(600));
    let bus = connected(&nats(&server).delivery(impatient), &["queue"]).await;
    let other = connected(&nats(&server), &["queue"]).await;
    // One is handled, one waits in the queue, one for room, and the others were fetched ahead.
    let (listener, noted) = slowly(&bus, "queue", Duration::from_millis(700))?;
    bus.connected().await;
    for x in 0..6_u32 {
        other.publish("queue", x).await?;
    }
    until(|| noted.all().len() == 6).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(noted.all(), (0..6).map(|x| (x, 1)).collect::<Vec<_>>());
    drop(listener);
    bus.close().await?;
    other.close().await?;
    Ok(())
}

/// Deletes all consumers of the stream `TEST`.
async fn delete_consumers(jetstream: &async_nats::jetstream::Context) -> usize {
    let stream = jetstream.get_stream("TEST").await.unwrap();
    let names: Vec<_> = stream.consumer_names().collect().await;
    for name in &names {
        let name = name.as_ref().unwrap();
        stream.delete_consumer(name).await.unwrap();
    }
    names.len()
}

async fn comes_back(group: Option<&str>) -> anyhow::Result<()> {
    let server = Server::start();
    let nats = nats(&server);
    let (here, there) = (
        connected(&nats, &["gone"]).await,
        connected(&nats, &["gone"]).await,
    );
    let (listener, noted) = noting(&there, "gone", group)?;
    there.connected().await;
    let jetstream = jetstream(&server).await;
    // Before the first one has come, and later.
    for round in 0..3_u32 {
        assert_eq!(delete_consumers(&jetstream).await, 1);
        for x in round * 100..(round + 1) * 100 {
            here.publish("gone", x).await?;
        }
        let all = (0..(round + 1) * 100).collect::<BTreeSet<_>>();
        until(|| noted.all().into_iter().collect::<BTreeSet<_>>() == all).await;
    }
    assert_eq!(there.stats().lost_on_the_way, 0);
    println!("{group:?}: {} of 300 came twice", noted.all().len() - 300);
    drop(listener);
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_consumer_that_is_deleted_comes_back_and_nothing_stored_is_lost() -> anyhow::Result<()> {
    comes_back(None).await?;
    comes_back(Some("the group")).await
}

#[tokio::test]
async fn a_stream_that_is_deleted_is_told_and_a_new_one_is_heard_from_its_begin()
-> anyhow::Result<()> {
    let server = Server::start();
    let nats = nats(&server);
    let (here, there) = (
        connected(&nats, &["anew"]).await,
        connected(&nats, &["anew"]).await,
    );
    let (listener, noted) = slowly(&there, "anew", Duration::ZERO)?;
    there.connected().await;
    for x in 0..10_u32 {
        here.publish("anew", x).await?;
    }
    until(|| noted.all().len() == 10).await;
    let jetstream = jetstream(&server).await;
    let stream = jetstream.get_stream("TEST").await?;
    jetstream.delete_stream("TEST").await?;
    let error = here.publish("anew", 10_u32).await.unwrap_err().to_string();
    let told = "no stream of JetStream holds `anew`";
    assert!(error.contains(told), "{error}");
    let config = stream.cached_info().config.clone();
    jetstream.create_stream(config).await?;
    for x in 11..20_u32 {
        here.publish("anew", x).await?;
    }
    assert_eq!(stored(&jetstream, "TEST").await, 9);
    until(|| noted.all().len() == 19).await;
    let all = noted.all().into_iter().map(|(x, _)| x);
    assert!(all.eq((0..10).chain(11..20)));
    drop(listener);
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[tokio::test]
async fn of_two_members_of_a_group_one_goes_and_nothing_is_lost() -> anyhow::Result<()> {
    let server = Server::start();
    let nats = nats(&server);
    let here = connected(&nats, &["members"]).await;
    let noted = Noted::default();
    let mut members = Vec::new();
    for _ in 0..2 {
        let bus = connected(&nats, &["members"]).await;
        let notes = noted.clone();
        let member = bus.subscription::<u32>("members").group("two");
        let listener = member.listen(move |x: Signal<u32>| {
            notes.note(*x);
            tokio::time::sleep(Duration::from_millis(1))
        })?;
        bus.connected().await;
        members.push((bus, listener));
    }
    for x in 0..600_u32 {
        here.publish("members", x).await?;
        if x == 300 {
            let (bus, listener) = members.remove(0);
            listener.detach();
            bus.close().await?;
        }
    }
    let all = (0..600).collect::<BTreeSet<u32>>();
    until(|| noted.all().into_iter().collect::<BTreeSet<_>>() == all).await;
    for (bus, listener) in members {
        drop(listener);
        bus.close().await?;
    }
    here.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_group_of_two_patterns_is_told_that_it_is_two() -> anyhow::Result<()> {
    let server = Server::start();
    let connection = nats(&server).connect(&["rival.>".to_owned()]).await?;
    let asked = async |pattern: &str, group: &str| {
        let interest = Interest::all(pattern).shared(group);
        connection.subscribe(&interest).await
    };
    let mut quiet = asked("rival.*", "one").await?;
    let mut told = asked("rival.eu", "one").await?;
    let Some(Incoming::Trouble(trouble)) = told.next().await else {
        panic!("it is told");
    };
    let trouble = trouble.to_string();
    for said in ["`one`", "`rival.eu`", "`rival.*`", "one pattern"] {
        assert!(trouble.contains(said), "{trouble}");
    }
    // Not of the same pattern, nor of another group, nor of what has no topics in common.
    let mut others = vec![asked("rival.*.x", "one").await?];
    others.push(asked("rival.eu", "other").await?);
    others.push(asked("rival.*", "other one").await?);
    let mut quiet = vec![quiet.next()];
    quiet.extend(others.iter_mut().map(|one| one.next()));
    let quiet = futures_util::future::select_all(quiet);
    let wait = tokio::time::timeout(Duration::from_millis(300), quiet);
    assert!(wait.await.is_err());
    connection.drain().await?;
    Ok(())
}
