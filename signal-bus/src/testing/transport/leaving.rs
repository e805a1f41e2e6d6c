//! What every transport promises of ends: of streams, of publishes, and of itself.

use std::{collections::HashSet, future::poll_fn, task::Poll};

use anyhow::{Context as _, bail, ensure};
use tokio::time::Instant;

use crate::{
    testing::transport::{
        Check, same,
        stage::{Party, Stage, answer, end, owed, text},
    },
    transport::{Interest, TransportFault, Verdict},
};

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::of_all(
            "dropped_stream",
            "a stream that is dropped disturbs no other, of its own connection neither",
            |stage| Box::pin(dropped_stream(stage)),
        ),
        Check::of_all(
            "cancelled",
            "a publish that is given up on does no harm to those after it",
            |stage| Box::pin(cancelled(stage)),
        ),
        Check::of_all(
            "drained",
            "a drain ends the connection's streams, and nobody else's; a publish is refused as closed from then on",
            |stage| Box::pin(drained(stage)),
        ),
        Check::of_all(
            "left_before",
            "what was published before a drain has left",
            |stage| Box::pin(left_before(stage)),
        ),
        Check::of_all(
            "handed_back",
            "what was fetched ahead is with another member of the group at once after a drain",
            |stage| Box::pin(handed_back(stage)),
        )
        .if_promised(|features| features.groups && features.at_least_once),
    ]
}

async fn dropped_stream(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (sender, here, there) = (
        stage.connect().await?,
        stage.connect().await?,
        stage.connect().await?,
    );
    let topic = stage.topic("left");
    let leaving = here.hear(&topic).await?;
    let mut beside = here.hear(&topic).await?;
    let mut elsewhere = there.hear(&topic).await?;
    sender.count(&topic, 0..10).await?;
    drop(leaving);
    sender.count(&topic, 10..30).await?;
    let mut later = here.hear(&topic).await?;
    sender.count(&topic, 30..40).await?;
    for reader in [&mut beside, &mut elsewhere] {
        same(reader.numbers(40).await?, 0..40)?;
        reader.stays_quiet(stage.quiet()).await?;
    }
    // What was sent over another connection may still have been on its way.
    let mut came = Vec::new();
    while came.len() < 10 {
        let number = later.numbers(1).await?[0];
        came.extend(Some(number).filter(|number| 30 <= *number));
    }
    same(came, 30..40)
}

async fn cancelled(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("given_up");
    let mut reader = there.hear(&topic).await?;
    for number in 0..20 {
        begin(&here, &topic, number).await;
    }
    here.count(&topic, 100..120).await?;
    for number in 20..40 {
        begin(&here, &topic, number).await;
    }
    here.count(&topic, 120..140).await?;
    let (mut came, mut seen) = (Vec::new(), HashSet::new());
    while came.len() < 40 {
        let number = reader.numbers(1).await?[0];
        ensure!(seen.insert(number), "message {number} came twice");
        // Of what was given up on nobody knows whether it has left.
        came.extend(Some(number).filter(|number| 100 <= *number));
    }
    same(came, 100..140)
}

/// Begins a publish, and gives it up.
async fn begin(party: &Party<'_>, topic: &str, number: usize) {
    let message = party.stage.message(topic, &number);
    let mut publish = party.connection.publish(&message);
    poll_fn(|context| {
        drop(publish.as_mut().poll(context));
        Poll::Ready(())
    })
    .await;
}

async fn drained(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let mut elsewhere = there.hear(&stage.topic("plain")).await?;
    let mut ending = Vec::new();
    for interest in stage.kinds() {
        ending.push(here.subscribe(&interest).await?);
    }
    here.drain().await?;
    for reader in &mut ending {
        reader.ends().await?;
    }
    let topic = stage.topic("plain");
    let message = stage.message(&topic, "too late");
    let late = answer(
        "a publish after a drain",
        stage.limit,
        here.connection.publish(&message),
    );
    match late.await? {
        Ok(()) => bail!("a publish after a drain is taken as if the connection stood"),
        Err(error) => ensure!(
            error.fault() == TransportFault::Closed,
            "a publish after a drain is refused as {:?}: {error}",
            error.fault()
        ),
    }
    let interest = Interest::all(&topic);
    let late = here.connection.subscribe(&interest);
    let late = answer("to subscribe after a drain", stage.limit, late).await?;
    ensure!(late.is_err(), "one can subscribe after a drain");
    let sender = stage.connect().await?;
    sender.publish(&topic, "still heard").await?;
    same(elsewhere.texts(1).await?, ["still heard".to_owned()])?;
    elsewhere.stays_quiet(stage.quiet()).await
}

async fn left_before(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("last_words");
    let mut reader = there.hear(&topic).await?;
    here.count(&topic, 0..50).await?;
    here.drain().await?;
    same(reader.numbers(50).await?, 0..50)
}

async fn handed_back(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (sender, here, there) = (
        stage.connect().await?,
        stage.connect().await?,
        stage.connect().await?,
    );
    let topic = stage.topic("work");
    let interest = Interest::all(&topic).shared("workers");
    let mut leaving = here.subscribe(&interest).await?;
    sender.count(&topic, 0..20).await?;
    let first = leaving.next().await?;
    let patience = owed(&first)?.patience();
    let mut staying = there.subscribe(&interest).await?;
    let over = text(&first.message);
    end(&first, Verdict::Done, stage.limit).await?;
    let began = Instant::now();
    here.drain().await?;
    leaving.ends().await?;
    let left = (0..20).map(|number| number.to_string());
    let came = staying.texts(19).await;
    let came = came.context("what was fetched ahead did not go back")?;
    same(came, left.filter(|text| *text != over))?;
    let waited = began.elapsed();
    ensure!(
        waited < patience,
        "it took {waited:?}, the patience of what had not been handed back"
    );
    Ok(())
}
