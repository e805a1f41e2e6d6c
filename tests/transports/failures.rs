//! What fails on the way, and what becomes of it.

use signal_bus::{
    Bus, DeadReason, PublishError, Signal,
    transport::{LoopbackNetwork, Message, Transport as _, TransportFault},
};

use crate::{Noted, connected, fake::Fake, until};

#[tokio::test(start_paused = true)]
async fn what_the_transport_refuses_reaches_nobody_and_comes_back() -> anyhow::Result<()> {
    let fake = Fake::default();
    let bus = Bus::empty()
        .carry::<String>()
        .connect_to(fake.clone(), ["refused"]);
    let bus = bus.start().await?;
    let mut here = bus.subscribe::<String>("refused")?;
    for fault in [TransportFault::Unreachable, TransportFault::Unknown] {
        fake.refuse(Some(fault));
        match bus.publish("refused", "kept".to_owned()).await {
            Err(PublishError::Transport { signal, error }) => {
                assert_eq!((signal.as_str(), error.fault()), ("kept", fault));
                assert_eq!(error.to_string(), "the server said no");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(here.try_recv().is_none());
    fake.refuse(None);
    bus.publish("refused", "sent".to_owned()).await?;
    assert_eq!(
        here.recv().await.as_deref().map(String::as_str),
        Some("sent")
    );
    drop(here);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_a_dead_letter_on_both_sides() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let bus = connected(&network, &["malformed"]).await;
    let mut here = bus.subscribe::<u32>("malformed")?;
    bus.connected().await;
    let stranger = network.connect(&[]).await?;
    for payload in ["", "{", "\"seven\"", "7 7", "-1"] {
        let message = Message::new("malformed", payload, signal_bus::Headers::new());
        stranger.publish(&message).await?;
    }
    let image = signal_bus::Headers::new().with("Content-Type", "image/png");
    stranger
        .publish(&Message::new("malformed", "7", image))
        .await?;
    stranger
        .publish(&Message::new("malformed", "7", signal_bus::Headers::new()))
        .await?;
    assert_eq!(here.recv().await.as_deref(), Some(&7));
    until(|| network.outstanding() == 0).await;
    assert_eq!(network.dead().len(), 6);
    let letters = bus.dead_letters();
    assert_eq!(letters.len(), 6);
    for letter in &letters {
        assert_eq!(letter.reason(), DeadReason::Unreadable);
        assert_eq!(letter.signal().topic(), "malformed");
        assert!(letter.signal().downcast_ref::<Message>().is_some());
    }
    let first = letters.iter().next().unwrap();
    assert!(
        letters.replay(first.id()).await.is_err(),
        "it can be read as little as before"
    );
    drop(here);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_for_good_makes_a_dead_letter_of_the_network_too() -> anyhow::Result<()>
{
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["dying"]).await,
        connected(&network, &["dying"]).await,
    );
    let listener = there.listen("dying", |x: Signal<u32>| async move {
        anyhow::ensure!(*x % 2 == 0, "odd");
        Ok(())
    })?;
    there.connected().await;
    for x in 0..4_u32 {
        here.publish("dying", x).await?;
    }
    until(|| network.outstanding() == 0).await;
    let dead = network.dead();
    assert_eq!(dead.len(), 2);
    assert!(dead.iter().all(|(_, reason)| reason == "odd"), "{dead:?}");
    drop(listener);
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_message_is_acknowledged_when_its_handler_has_ended() -> anyhow::Result<()> {
    let network = LoopbackNetwork::patient_for(std::time::Duration::from_secs(3));
    let (here, there) = (
        connected(&network, &["slow"]).await,
        connected(&network, &["slow"]).await,
    );
    let noted = Noted::default();
    let notes = noted.clone();
    let listener = there.listen("slow", move |x: Signal<u32>| {
        notes.note(*x);
        tokio::time::sleep(std::time::Duration::from_secs(60))
    })?;
    there.connected().await;
    here.publish("slow", 7_u32).await?;
    tokio::time::sleep(std::time::Duration::from_secs(59)).await;
    assert_eq!(network.outstanding(), 1);
    until(|| network.outstanding() == 0).await;
    // Far longer than the network's patience, and yet nobody got it again.
    assert_eq!(noted.all(), [7]);
    drop(listener);
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_full_takes_no_more_than_it_has_room_for() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["full"]).await,
        connected(&network, &["full"]).await,
    );
    let mut slow = there.subscription::<u32>("full").capacity(2).subscribe()?;
    there.connected().await;
    for x in 0..50_u32 {
        here.publish("full", x).await?;
    }
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(there.stats().total.accepted, 2);
    for x in 0..50_u32 {
        assert_eq!(slow.recv().await.as_deref(), Some(&x));
    }
    drop(slow);
    here.close().await?;
    there.close().await?;
    Ok(())
}
