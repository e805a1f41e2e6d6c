//! What transports promise that store messages.

use anyhow::{Context as _, bail, ensure};

use crate::{
    testing::transport::{
        Check, same,
        stage::{NotChecked, Reader, Stage, text},
    },
    transport::{Interest, Start},
};

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::of_all(
            "stored_once",
            "a message of an id that was stored before is not stored again, also over another connection",
            |stage| Box::pin(stored_once(stage)),
        )
        .if_promised(|features| features.deduplicates),
        Check::of_all(
            "replayed",
            "what was published before can be had, and what follows joins it: nothing is missing, nothing comes twice",
            |stage| Box::pin(replayed(stage)),
        )
        .if_promised(|features| features.replay),
        Check::of_all(
            "replayed_after",
            "a subscription can go on after any sequence",
            |stage| Box::pin(replayed_after(stage)),
        )
        .if_promised(|features| features.replay),
        Check::of_all(
            "durable",
            "what is stored outlives the engine's process",
            |_| Box::pin(std::future::ready(durable())),
        )
        .if_promised(|features| features.durable),
    ]
}

async fn stored_once(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("once");
    let mut reader = there.hear(&topic).await?;
    let first = stage.message(&topic, "first");
    for sender in [&here, &here, &there] {
        sender.send(&first).await?;
    }
    here.publish(&topic, "second").await?;
    here.send(&first).await?;
    same(
        reader.texts(2).await?,
        ["first".to_owned(), "second".to_owned()],
    )?;
    reader.stays_quiet(stage.quiet()).await
}

/// The numbers of so many messages, each with its sequence.
async fn numbered(
    stage: &Stage<'_>,
    reader: &mut Reader,
    count: usize,
) -> anyhow::Result<Vec<(usize, u64)>> {
    let mut came: Vec<(usize, u64)> = Vec::new();
    while came.len() < count {
        let next = reader.take().await;
        let next = next.with_context(|| format!("only {} of {count} came", came.len()))?;
        let sequence = next
            .sequence
            .context("a delivery came without a sequence")?;
        let number = text(&next.message).parse()?;
        if let Some((last, before)) = came.last().filter(|_| stage.features.ordered) {
            ensure!(
                *before < sequence,
                "{number} came with sequence {sequence} after {last} with sequence {before}"
            );
        }
        came.push((number, sequence));
    }
    Ok(came)
}

async fn replayed(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("past");
    here.count(&topic, 0..100).await?;
    let interest = Interest::all(stage.topic(">")).starting(Start::Oldest);
    let reading = async {
        let mut reader = there.subscribe(&interest).await?;
        let came = numbered(stage, &mut reader, 200).await?;
        same(came.into_iter().map(|(number, _)| number), 0..200)?;
        reader.stays_quiet(stage.quiet()).await
    };
    let (sent, read) = tokio::join!(here.count(&topic, 100..200), reading);
    sent?;
    read
}

async fn replayed_after(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("past");
    here.count(&topic, 0..20).await?;
    let from = |start| Interest::all(&topic).starting(start);
    let mut all = there.subscribe(&from(Start::Oldest)).await?;
    let mut all = numbered(stage, &mut all, 20).await?;
    all.sort_unstable();
    for (number, sequence) in [all[0], all[9], all[19]] {
        let mut rest = there.subscribe(&from(Start::After(sequence))).await?;
        here.publish(&topic, 20).await?;
        // The last one was published once for each of those who came so far.
        let later = match number {
            0 => 1,
            9 => 2,
            _ => 3,
        };
        let expected = (number + 1..20).chain(std::iter::repeat_n(20, later));
        let count = expected.clone().count();
        let came = numbered(stage, &mut rest, count).await?;
        let came = came.into_iter().map(|(number, _)| number);
        same(came, expected).with_context(|| format!("after sequence {sequence}"))?;
        rest.stays_quiet(stage.quiet()).await?;
    }
    Ok(())
}

fn durable() -> anyhow::Result<()> {
    let why = "it takes an engine that is killed and started again";
    bail!(NotChecked(why.into()))
}
