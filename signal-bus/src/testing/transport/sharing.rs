//! What transports promise that have groups.

use tokio::time;

use crate::{
    testing::transport::{
        Check, same,
        stage::{Reader, Stage, end, shares, text},
    },
    transport::{Features, Interest, Verdict},
};

pub(super) fn checks() -> Vec<Check> {
    let durable = |features: &Features| features.groups && features.at_least_once;
    vec![
        Check::of_all(
            "one_member",
            "of all members of a group, on whatever connection, one gets each message, also of its own connection",
            |stage| Box::pin(one_member(stage)),
        )
        .if_promised(|features| features.groups),
        Check::of_all(
            "each_group",
            "every group gets each message, and so does every subscription without one",
            |stage| Box::pin(each_group(stage)),
        )
        .if_promised(|features| features.groups),
        Check::of_all(
            "left_to_others",
            "what a member has not settled when it leaves goes to another one",
            |stage| Box::pin(left_to_others(stage)),
        )
        .if_promised(durable),
        Check::of_all(
            "kept_for_the_next",
            "what is published while no member of a group is there waits for the next one",
            |stage| Box::pin(kept_for_the_next(stage)),
        )
        .if_promised(durable),
    ]
}

async fn one_member(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("work");
    let interest = Interest::all(&topic).shared("workers");
    let mut members = [
        here.subscribe(&interest).await?,
        there.subscribe(&interest).await?,
        there.subscribe(&interest).await?,
    ];
    for number in 0..60 {
        let sender = if number % 2 == 0 { &here } else { &there };
        sender.publish(&topic, number).await?;
    }
    let shares = shares(&mut members, 60).await?;
    let came = shares.into_iter().map(|(_, text)| text);
    same(came, (0..60).map(|number| number.to_string()))?;
    stay_quiet(stage, &mut members).await
}

async fn each_group(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (sender, here, there) = (
        stage.connect().await?,
        stage.connect().await?,
        stage.connect().await?,
    );
    let topic = stage.topic("work");
    let group = |name| Interest::all(&topic).shared(name);
    let mut all = [
        here.subscribe(&group("one")).await?,
        there.subscribe(&group("other")).await?,
        there.hear(&topic).await?,
    ];
    sender.count(&topic, 0..40).await?;
    for reader in &mut all {
        same(reader.numbers(40).await?, 0..40)?;
    }
    stay_quiet(stage, &mut all).await
}

async fn left_to_others(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (sender, here, there) = (
        stage.connect().await?,
        stage.connect().await?,
        stage.connect().await?,
    );
    let topic = stage.topic("work");
    let interest = Interest::all(&topic).shared("workers");
    let mut leaving = here.subscribe(&interest).await?;
    sender.count(&topic, 0..10).await?;
    let (done, held, more) = (
        leaving.next().await?,
        leaving.next().await?,
        leaving.next().await?,
    );
    stage.patience(&held)?;
    end(&done, Verdict::Done, stage.limit).await?;
    let mut staying = there.subscribe(&interest).await?;
    drop((held, more));
    drop(leaving);
    let over = text(&done.message);
    let left = (0..10).map(|number| number.to_string());
    same(staying.texts(9).await?, left.filter(|text| *text != over))?;
    staying.stays_quiet(stage.quiet()).await
}

async fn kept_for_the_next(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (sender, here, there) = (
        stage.connect().await?,
        stage.connect().await?,
        stage.connect().await?,
    );
    let topic = stage.topic("work");
    let interest = Interest::all(&topic).shared("workers");
    let mut first = here.subscribe(&interest).await?;
    sender.publish(&topic, 0).await?;
    same(first.numbers(1).await?, [0])?;
    here.drain().await?;
    drop(first);
    time::sleep(stage.quiet()).await;
    sender.count(&topic, 1..6).await?;
    let mut next = there.subscribe(&interest).await?;
    same(next.numbers(5).await?, 1..6)?;
    next.stays_quiet(stage.quiet()).await
}

async fn stay_quiet(stage: &Stage<'_>, readers: &mut [Reader]) -> anyhow::Result<()> {
    for reader in readers {
        reader.stays_quiet(stage.quiet()).await?;
    }
    Ok(())
}
