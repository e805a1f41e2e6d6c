//! The life of a connection.

use signal_bus::{Bus, ConnectionState, transport::LoopbackNetwork};

use crate::{connected, fake::Fake, until};

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_fails_the_start() {
    let bus = Bus::empty().connect_to(Fake::default().nowhere(), ["topic"]);
    let error = bus.start().await.unwrap_err().to_string();
    assert!(
        error.contains("cannot connect to fake: nobody listens"),
        "{error}"
    );
    assert!(
        error.contains("connect_to (tests/transports/connections.rs:"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_what_is_heard_fails_the_start() {
    let fake = Fake::default();
    fake.refuse_interests(true);
    #[signal_bus::subscriber("refusing")]
    async fn hear(_: &u32) {}
    let bus = Bus::empty().with::<hear>().connect_to(fake, ["refusing"]);
    let error = bus.start().await.unwrap_err().to_string();
    assert!(error.contains("no permission for `refusing`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_topics_is_told() {
    for (topics, told) in [
        (&["a..b"][..], "empty token"),
        (&["$bus.dead"], "the bus's own"),
        (&[], "no topic travels"),
        (&["a.*", "*.b"], "topics in common"),
    ] {
        let bus = Bus::empty().connect_to(LoopbackNetwork::new(), topics.iter().copied());
        let error = bus.start().await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_refused_while_the_bus_runs_is_asked_for_again() -> anyhow::Result<()>
{
    let fake = Fake::default();
    let bus = Bus::empty()
        .carry::<u32>()
        .connect_to(fake.clone(), ["again"]);
    let bus = bus.start().await?;
    fake.refuse_interests(true);
    let mut heard = bus.subscribe::<u32>("again")?;
    until(|| !bus.health().is_healthy()).await;
    let health = bus.health().to_string();
    assert!(
        health.contains("fake is down: no permission for `again`"),
        "{health}"
    );
    fake.refuse_interests(false);
    bus.connected().await;
    assert!(bus.health().is_healthy());
    let other = connected(fake.network(), &["again"]).await;
    other.publish("again", 7_u32).await?;
    assert_eq!(heard.recv().await.as_deref(), Some(&7));
    drop(heard);
    bus.close().await?;
    other.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn its_state_is_in_the_health_of_the_bus() -> anyhow::Result<()> {
    let fake = Fake::default();
    let bus = Bus::empty()
        .connect_to(fake.clone(), ["healthy"])
        .start()
        .await?;
    assert_eq!(bus.health().connections[0].state, ConnectionState::Up);
    fake.lose_connection();
    let health = bus.health();
    assert!(!health.is_healthy());
    assert!(health.to_string().contains("1 symptom"), "{health}");
    assert!(
        health.to_string().contains("the server went away"),
        "{health}"
    );
    bus.close().await?;
    assert_eq!(fake.drained(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_has_begun_is_waited_for_by_the_close() -> anyhow::Result<()> {
    let fake = Fake::default();
    let bus = Bus::empty()
        .carry::<u32>()
        .connect_to(fake.clone(), ["late"])
        .start()
        .await?;
    let mut heard = bus.subscribe::<u32>("late")?;
    fake.hold();
    let handle = bus.handle();
    let publish = tokio::spawn(async move { handle.publish("late", 7_u32).await });
    until(|| fake.published() == 1).await;
    let closes = bus.handle();
    let closing = tokio::spawn(async move { closes.close().await });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(!closing.is_finished());
    fake.release();
    assert_eq!(publish.await??.receivers, 1);
    assert_eq!(heard.recv().await.as_deref(), Some(&7));
    closing.await??;
    Ok(())
}
