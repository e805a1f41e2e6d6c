//! Signals over a real NATS server, which the tests start, kill and start again.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand where user code stands; a server has a clock of its own"
)]

mod server;
mod keys;

mod at_least_once;
mod at_most_once;
mod cluster;
mod conformance;
mod consumers;
mod errors;
mod interop;
mod leases;
mod limits;
mod logs;
mod outages;
mod packs;
mod poison;
mod processes;
mod requests;
mod retention;
mod security;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use signal_bus::{Bus, BusGuard, BusHandle, Listener, Signal};
use signal_bus_nats::{Nats, Streams};

use tokio::task::JoinSet;

use crate::server::Server;

/// NATS with a stream for what the tests publish.
fn nats(server: &Server) -> Nats {
    let nats = Nats::at(&server.url()).unwrap();
    nats.create_streams(Streams::named("TEST"))
}

/// A bus with `topics` travelling.
async fn connected(nats: &Nats, topics: &[&str]) -> BusGuard {
    let bus = Bus::empty().carry::<u32>().carry::<String>();
    let bus = bus.connect_to(nats.clone(), topics.iter().copied());
    bus.start().await.unwrap()
}

/// Two buses get what each has published, and get it once.
async fn travel_both_ways(nats: &Nats) -> anyhow::Result<()> {
    let (shop, mail) = (
        connected(nats, &["orders.>"]).await,
        connected(nats, &["orders.>"]).await,
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
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(here.try_recv().is_none() && there.try_recv().is_none());
    drop((here, there));
    shop.close().await?;
    mail.close().await?;
    Ok(())
}

/// Publishes numbers below `count`, from eight tasks at once.
fn published_by_eight(
    bus: &BusHandle,
    topic: &'static str,
    count: u32,
) -> JoinSet<anyhow::Result<()>> {
    let mut publishing = JoinSet::new();
    for task in 0..8 {
        let bus = bus.clone();
        publishing.spawn(async move {
            for x in 0..count / 8 {
                bus.publish(topic, x * 8 + task).await?;
            }
            Ok(())
        });
    }
    publishing
}

/// What was noted, in order.
#[derive(Clone, Default)]
struct Noted<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Noted<T> {
    fn note(&self, one: T) {
        self.0.lock().unwrap().push(one);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}

/// Notes the numbers that come, as a member of a group if one is named.
fn noting(
    bus: &BusGuard,
    pattern: &str,
    group: Option<&str>,
) -> anyhow::Result<(Listener, Noted<u32>)> {
    let noted = Noted::default();
    let notes = noted.clone();
    let mut options = bus.subscription::<u32>(pattern);
    if let Some(group) = group {
        options = options.group(group);
    }
    let listener = options.listen(move |x: Signal<u32>| {
        notes.note(*x);
        async {}
    })?;
    Ok((listener, noted))
}

/// Waits until something is so; a server takes the time it takes.
async fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it does not come to that"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The server's own view of what is on it, past the bus.
async fn jetstream(server: &Server) -> async_nats::jetstream::Context {
    let client = async_nats::connect(server.url()).await.unwrap();
    async_nats::jetstream::new(client)
}

/// How many messages a stream has.
async fn stored(jetstream: &async_nats::jetstream::Context, stream: &str) -> u64 {
    let mut stream = jetstream.get_stream(stream).await.unwrap();
    stream.info().await.unwrap().state.messages
}
