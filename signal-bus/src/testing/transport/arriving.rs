//! What every transport promises of what comes in.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use tokio::{task::JoinSet, time};

use crate::{
    signal::headers::Headers,
    testing::transport::{Check, same, stage::Stage},
    transport::{Connection, Message, TransportError, TransportFault, header},
};

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::of_all(
            "as_it_was",
            "a message comes in as it was published: its topic, its headers, its payload byte for byte",
            |stage| Box::pin(as_it_was(stage)),
        ),
        Check::of_all(
            "everyone",
            "every subscription without a group gets each message, on every connection",
            |stage| Box::pin(everyone(stage)),
        ),
        Check::of_all(
            "patterns",
            "a subscription gets the topics of its pattern, and no others",
            |stage| Box::pin(patterns(stage)),
        ),
        Check::of_all(
            "from_now",
            "a subscription gets nothing of what was published before it",
            |stage| Box::pin(from_now(stage)),
        ),
        Check::of_all(
            "at_once",
            "many publish at once over one connection, and each message comes in once",
            |stage| Box::pin(at_once(stage)),
        ),
        Check::of_all(
            "ordered",
            "messages of one sender on one topic come in in their order",
            |stage| Box::pin(ordered(stage)),
        )
        .if_promised(|features| features.ordered),
        Check::of_all(
            "handed_over",
            "what is handed over at once comes in once, in order with what is published, and what is not taken then has not left",
            |stage| Box::pin(handed_over(stage)),
        ),
    ]
}

/// Odd texts, all of which a bus lets travel: it refuses names that are not visible ASCII, and texts with line breaks.
const ODD: &[(&str, &str)] = &[
    ("tenant", "acme"),
    ("Tenant", "another name"),
    ("empty", ""),
    ("spaces", "  in and  around "),
    ("tab", "a\tb"),
    ("colon", "a: b:c"),
    ("quotes", r#"'"\%20"#),
    ("unicode", "naïve – 日本 🚌"),
    ("!#$%&'*+-.^_`|~(){}[]<>@,;/=?\"\\", "an odd name"),
];

async fn as_it_was(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let mut reader = there.hear(&stage.topic(">")).await?;
    let headers = ODD.iter().copied().chain([
        (header::CONTENT_TYPE, "application/x-odd; charset=utf-8"),
        (header::SENDER, "somebody"),
    ]);
    let headers: Headers = headers.collect();
    let headers = headers.with("long", "x".repeat(4096));
    let binary: Vec<u8> = (0..=255_u8).chain((0..=255).rev()).collect();
    let payloads = [Bytes::new(), binary.into(), vec![0x5a; 64 * 1024].into()];
    let topics = ["plain", "a.b.c.d.e.f", "naïve.日本.$x{y}-_/"];
    for (payload, topic) in payloads.into_iter().zip(topics) {
        let id = stage.message("", "").headers;
        let headers = headers
            .clone()
            .with(header::ID, id.get(header::ID).unwrap_or("?"));
        let sent = Message::new(stage.topic(topic), payload, headers);
        here.send(&sent).await?;
        let came = reader.take().await?.message;
        ensure!(
            came.topic == sent.topic,
            "what was published on `{}` came on `{}`",
            sent.topic,
            came.topic
        );
        for (name, text) in sent.headers.iter() {
            let came = came.headers.get(name);
            ensure!(
                came == Some(text),
                "the header {name:?} was {text:?} and came as {came:?}"
            );
        }
        let (before, after) = (sent.payload.len(), came.payload.len());
        ensure!(
            came.payload == sent.payload,
            "a payload of {before} bytes came as {after} bytes, and not the same"
        );
    }
    Ok(())
}

async fn everyone(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (sender, here, there) = (
        stage.connect().await?,
        stage.connect().await?,
        stage.connect().await?,
    );
    let topic = stage.topic("all");
    let mut readers = [
        here.hear(&topic).await?,
        here.hear(&topic).await?,
        there.hear(&topic).await?,
    ];
    sender.count(&topic, 0..200).await?;
    for reader in &mut readers {
        same(reader.numbers(200).await?, 0..200)?;
    }
    for reader in &mut readers {
        reader.stays_quiet(stage.quiet()).await?;
    }
    Ok(())
}

async fn patterns(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let ends = ["a", "a.b", "a.c", "a.b.c", "a.b.c.d", "b.b", "ab.c", "A.b"];
    let expected: [(&str, &[&str]); 5] = [
        ("a.b", &["a.b"]),
        ("a.*", &["a.b", "a.c"]),
        ("*.b", &["a.b", "b.b", "A.b"]),
        ("a.>", &["a.b", "a.c", "a.b.c", "a.b.c.d"]),
        ("a.*.c", &["a.b.c"]),
    ];
    let mut readers = Vec::new();
    for (pattern, topics) in expected {
        readers.push((pattern, topics, there.hear(&stage.topic(pattern)).await?));
    }
    for end in ends {
        here.publish(&stage.topic(end), end).await?;
    }
    for (pattern, topics, reader) in &mut readers {
        let heard = async {
            let came = reader.texts(topics.len()).await?;
            same(came.iter().map(String::as_str), topics.iter().copied())?;
            reader.stays_quiet(stage.quiet()).await
        };
        heard.await.with_context(|| format!("to `{pattern}`"))?;
    }
    Ok(())
}

async fn from_now(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (before, here, there) = (
        stage.connect().await?,
        stage.connect().await?,
        stage.connect().await?,
    );
    let topic = stage.topic("late");
    before.publish(&topic, "before").await?;
    // Then it has left, and the engine has had time to see it.
    before.drain().await?;
    time::sleep(stage.quiet()).await;
    let mut reader = there.hear(&topic).await?;
    here.publish(&topic, "after").await?;
    same(reader.texts(1).await?, ["after".to_owned()])?;
    reader.stays_quiet(stage.quiet()).await
}

async fn at_once(stage: &Stage<'_>) -> anyhow::Result<()> {
    const TASKS: usize = 8;
    const EACH: usize = 50;
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("crowd");
    let mut reader = there.hear(&topic).await?;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let numbers = task * EACH..(task + 1) * EACH;
        let messages = numbers.map(|number| stage.message(&topic, &number));
        let connection = Arc::clone(&here.connection);
        tasks.spawn(publish_all(connection, messages.collect()));
    }
    same(reader.numbers(TASKS * EACH).await?, 0..TASKS * EACH)?;
    reader.stays_quiet(stage.quiet()).await?;
    while let Some(ended) = tasks.join_next().await {
        ended.context("a publish panicked")??;
    }
    Ok(())
}

async fn publish_all(
    connection: Arc<dyn Connection>,
    messages: Vec<Message>,
) -> anyhow::Result<()> {
    for message in &messages {
        let sent = connection.publish(message).await;
        sent.context("a publish failed")?;
    }
    Ok(())
}

async fn ordered(stage: &Stage<'_>) -> anyhow::Result<()> {
    const COUNT: usize = 1000;
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("row");
    let mut reader = there.hear(&topic).await?;
    let (sent, came) = tokio::join!(here.count(&topic, 0..COUNT), reader.numbers(COUNT));
    sent?;
    let came = came?;
    let turned = came.windows(2).find(|pair| pair[1] < pair[0]);
    if let Some(turned) = turned {
        anyhow::bail!("message {} came before message {}", turned[0], turned[1]);
    }
    same(came, 0..COUNT)
}

async fn handed_over(stage: &Stage<'_>) -> anyhow::Result<()> {
    const COUNT: usize = 301;
    let (here, there) = (stage.connect().await?, stage.connect().await?);
    let topic = stage.topic("hands");
    let mut reader = there.hear(&topic).await?;
    for number in 0..COUNT {
        let message = stage.message(&topic, &number);
        // Some by the other way, so that none overtakes another.
        let taken = match number % 5 {
            0 => None,
            _ => here.connection.try_publish(&message),
        };
        match taken {
            Some(taken) => taken.context("what was handed over at once was refused")?,
            None => here.send(&message).await?,
        }
    }
    let came = reader.numbers(COUNT).await?;
    if stage.features.ordered {
        let turned = came.windows(2).find(|pair| pair[1] < pair[0]);
        ensure!(turned.is_none(), "{turned:?} came in that order");
    }
    same(came, 0..COUNT)?;
    // What it does not take, whoever asked has still, and nobody else has it.
    here.drain().await?;
    let late = stage.message(&topic, "late");
    if let Some(taken) = here.connection.try_publish(&late) {
        let error = taken.err();
        let closed = error.as_ref().map(TransportError::fault) == Some(TransportFault::Closed);
        ensure!(
            closed,
            "after the drain something was handed over, with {error:?}"
        );
    }
    stage.connect().await?.publish(&topic, COUNT).await?;
    same(reader.numbers(1).await?, [COUNT])?;
    reader.stays_quiet(stage.quiet()).await
}
