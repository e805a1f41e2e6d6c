//! What transports promise that deliver at least once.

use anyhow::{Context as _, ensure};
use tokio::time::{self, Instant};

use crate::{
    testing::transport::{
        Check,
        stage::{Reader, Stage, answer, end, owed, text},
    },
    transport::{Delivery, Interest, Verdict},
};

pub(super) fn checks() -> Vec<Check> {
    let all = [
        Check::of_all(
            "again",
            "a message that goes back comes in again, with a greater attempt",
            |stage| Box::pin(again(stage)),
        ),
        Check::of_all(
            "again_later",
            "a message that goes back for a while comes in again, and not before",
            |stage| Box::pin(again_later(stage)),
        ),
        Check::of_all(
            "dropped",
            "a message that is dropped without a verdict comes in again, with a greater attempt",
            |stage| Box::pin(dropped(stage)),
        ),
        Check::of_all(
            "over",
            "a message that is done, or dead, never comes in again",
            |stage| Box::pin(over(stage)),
        ),
        Check::of_all(
            "extended",
            "a message whose handler still runs is left to it",
            |stage| Box::pin(extended(stage)),
        ),
    ];
    let owing = all.map(|check| check.if_promised(|features| features.at_least_once));
    owing.into()
}

/// Publishes one message, for each kind of subscription.
async fn delivered(stage: &Stage<'_>, interest: &Interest) -> anyhow::Result<(Reader, Delivery)> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let mut reader = there.subscribe(interest).await?;
    here.publish(&interest.pattern, "it").await?;
    let first = reader.next().await?;
    ensure!(
        first.attempt == 1,
        "what comes in for the first time comes with attempt {}",
        first.attempt
    );
    Ok((reader, first))
}

/// Waits for the same message again.
async fn same_again(reader: &mut Reader, before: &Delivery) -> anyhow::Result<Delivery> {
    let again = reader.next().await;
    let again = again.context("it did not come again")?;
    let (came, was) = (text(&again.message), text(&before.message));
    ensure!(came == was, "{came:?} came instead of {was:?}");
    ensure!(
        before.attempt < again.attempt,
        "it came with attempt {} after attempt {}",
        again.attempt,
        before.attempt
    );
    Ok(again)
}

async fn again(stage: &Stage<'_>) -> anyhow::Result<()> {
    for interest in stage.kinds() {
        let (mut reader, mut last) = delivered(stage, &interest).await?;
        for _ in 0..3 {
            end(&last, Verdict::Again { after: None }, stage.limit).await?;
            last = same_again(&mut reader, &last).await?;
        }
        end(&last, Verdict::Done, stage.limit).await?;
    }
    Ok(())
}

async fn again_later(stage: &Stage<'_>) -> anyhow::Result<()> {
    let after = stage.limit / 10;
    // Clocks of two machines need not agree on the last moments.
    let at_least = after.mul_f64(0.8);
    for interest in stage.kinds() {
        let (mut reader, first) = delivered(stage, &interest).await?;
        let began = Instant::now();
        end(&first, Verdict::Again { after: Some(after) }, stage.limit).await?;
        let again = same_again(&mut reader, &first).await?;
        let waited = began.elapsed();
        ensure!(
            at_least <= waited,
            "it was to rest for {after:?} and came again after {waited:?}"
        );
        end(&again, Verdict::Done, stage.limit).await?;
    }
    Ok(())
}

async fn dropped(stage: &Stage<'_>) -> anyhow::Result<()> {
    for interest in stage.kinds() {
        let (mut reader, mut first) = delivered(stage, &interest).await?;
        stage.patience(&first)?;
        drop(first.acknowledge.take());
        let again = same_again(&mut reader, &first).await?;
        end(&again, Verdict::Done, stage.limit).await?;
    }
    Ok(())
}

async fn over(stage: &Stage<'_>) -> anyhow::Result<()> {
    for interest in stage.kinds() {
        let reason = "the suite has given it up".to_owned();
        for verdict in [Verdict::Done, Verdict::Dead { reason }] {
            let (mut reader, first) = delivered(stage, &interest).await?;
            end(&first, verdict.clone(), stage.limit).await?;
            // Where its patience is too long to wait for, at least it does not come again at once.
            let wait = stage
                .patience(&first)
                .map_or(stage.quiet(), |patience| patience * 2);
            let more = reader.stays_quiet(wait.max(stage.quiet())).await;
            more.with_context(|| format!("after {verdict:?}"))?;
        }
    }
    Ok(())
}

async fn extended(stage: &Stage<'_>) -> anyhow::Result<()> {
    for interest in stage.kinds() {
        let (mut reader, first) = delivered(stage, &interest).await?;
        let patience = stage.patience(&first)?;
        let until = Instant::now() + patience * 2;
        while Instant::now() < until {
            let by = owed(&first)?;
            let extended = answer("to extend", stage.limit, by.extend()).await?;
            extended.context("to extend failed")?;
            let left = reader.stays_quiet(patience / 4).await;
            left.context("though its handler still ran")?;
        }
        end(&first, Verdict::Done, stage.limit).await?;
        time::sleep(patience).await;
        reader.stays_quiet(stage.quiet()).await?;
    }
    Ok(())
}
