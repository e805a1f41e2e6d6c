//! What travels, what stays, and what comes along.

use std::sync::Arc;

use signal_bus::{
    Bus, Headers, Signal, publisher, subscriber,
    transport::{LoopbackNetwork, header},
};

use crate::{Noted, connected, until};

#[tokio::test(start_paused = true)]
async fn a_signal_reaches_the_subscribers_of_every_bus_once() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (shop, mail) = (
        connected(&network, &["journeys.>"]).await,
        connected(&network, &["journeys.>"]).await,
    );
    let mut here = shop.subscribe::<u32>("journeys.*")?;
    let mut there = mail.subscribe::<u32>("journeys.eu")?;
    shop.connected().await;
    mail.connected().await;
    shop.publish("journeys.eu", 1_u32).await?;
    mail.publish("journeys.eu", 2_u32).await?;
    for subscription in [&mut here, &mut there] {
        let mut both = [
            *subscription.recv().await.unwrap(),
            *subscription.recv().await.unwrap(),
        ];
        both.sort_unstable();
        assert_eq!(both, [1, 2]);
    }
    until(|| network.outstanding() == 0).await;
    assert!(here.try_recv().is_none() && there.try_recv().is_none());
    drop((here, there));
    shop.close().await?;
    mail.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn at_home_the_value_is_shared_and_never_written() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let bus = connected(&network, &["shared.>"]).await;
    let mut here = bus.subscribe::<String>("shared.x")?;
    let value = Arc::new("one".to_owned());
    bus.publish_shared("shared.x", Arc::clone(&value)).await?;
    let got = here.recv().await.unwrap().into_arc();
    assert!(Arc::ptr_eq(&value, &got));
    drop(here);
    bus.close().await?;
    Ok(())
}

#[publisher("staying.by_publisher", local)]
async fn stay(x: u32) -> u32 {
    x
}

#[tokio::test(start_paused = true)]
async fn what_is_local_and_other_topics_stay() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let there = connected(&network, &["**"]).await;
    let mut heard = there.subscribe::<u32>(["staying.>", "elsewhere"])?;
    there.connected().await;
    let here = Bus::empty().carry::<u32>();
    let here = here.connect_to(network.clone(), ["staying.>"]);
    let sent = here.run_with(async |bus| {
        stay(1).await;
        bus.publish("elsewhere", 2_u32).await?;
        bus.publish("staying.not", 3_u32).await?;
        anyhow::Ok(())
    });
    sent.await??;
    assert_eq!(heard.recv().await.as_deref(), Some(&3));
    assert!(heard.try_recv().is_none());
    drop(heard);
    there.close().await?;
    Ok(())
}

#[subscriber("chain.first")]
async fn go_on(first: Signal<u32>) {
    let bus = signal_bus::current().unwrap();
    bus.publish("chain.second", *first + 1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn headers_names_and_what_led_to_it_come_along() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let first = connected(&network, &["chain.>"]).await;
    let middle = Bus::empty().carry::<u32>().with::<go_on>();
    let middle = middle
        .connect_to(network.clone(), ["chain.>"])
        .start()
        .await?;
    let mut all = first.subscribe::<u32>("chain.*")?;
    first.connected().await;
    let headers = Headers::new()
        .with("traceparent", "00-1")
        .with("tenant", "acme");
    headers.scope(first.publish("chain.first", 7_u32)).await?;
    let (sent, answer) = (all.recv().await.unwrap(), all.recv().await.unwrap());
    assert_eq!((*sent, *answer), (7, 8));
    assert_eq!(sent.header("traceparent"), Some("00-1"));
    let name = sent.header(header::ID).unwrap();
    assert_eq!(answer.header(header::PARENT), Some(name));
    assert_eq!(answer.header(header::ROOT), Some(name));
    let sender = |id: Option<&str>| id.and_then(|id| Some(id.split_once('-')?.0.to_owned()));
    assert_ne!(sender(answer.header(header::ID)), sender(Some(name)));
    assert_eq!(
        answer.header(header::CONTENT_TYPE),
        Some("application/json; type=\"u32\"")
    );
    // A handler's signals do not inherit the headers of what it handles.
    assert_eq!(answer.header("tenant"), None);
    drop(all);
    first.close().await?;
    middle.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_signals_of_one_publisher_keep_their_order() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["ordered"]).await,
        connected(&network, &["ordered"]).await,
    );
    let noted = Noted::default();
    let notes = noted.clone();
    let listener = there.listen("ordered", move |x: Signal<u32>| {
        notes.note(*x);
        async {}
    })?;
    there.connected().await;
    for x in 0..2000_u32 {
        here.publish("ordered", x).await?;
    }
    until(|| noted.all().len() == 2000).await;
    assert!(noted.all().is_sorted());
    drop(listener);
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_nobody_waits_for_any_more_goes_on() -> anyhow::Result<()> {
    let fake = crate::fake::Fake::default();
    let bus = Bus::empty()
        .carry::<u32>()
        .connect_to(fake.clone(), ["cancelled"]);
    let bus = bus.start().await?;
    let mut here = bus.subscribe::<u32>("cancelled")?;
    fake.hold();
    {
        let publish = std::pin::pin!(bus.publish("cancelled", 7_u32));
        assert!(futures_poll(publish).await.is_none());
    }
    assert_eq!(fake.published(), 1);
    assert!(here.try_recv().is_none());
    fake.release();
    assert_eq!(here.recv().await.as_deref(), Some(&7));
    drop(here);
    bus.close().await?;
    Ok(())
}

/// Polls a future once.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        std::task::Poll::Ready(match polled {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
