//! Requests that travel, and replies that come back.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use signal_bus::{
    Bus, BusGuard, PublishError, RequestError, Signal, Topic, inject, subscriber,
    transport::{LoopbackNetwork, Message, Transport as _, TransportFault, header},
};

use crate::{Noted, connected, fake::Fake, until};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Quote {
    item: String,
    cents: u64,
}

#[subscriber("far.price", reply)]
async fn price(item: String, #[inject] calls: &AtomicUsize) -> anyhow::Result<Quote> {
    calls.fetch_add(1, Ordering::SeqCst);
    anyhow::ensure!(item != "gold", "no gold\nhere");
    let cents = item.len() as u64 * 100;
    Ok(Quote { item, cents })
}

/// A bus that replies.
async fn shop(network: &LoopbackNetwork) -> BusGuard {
    let bus = Bus::empty().with::<price>().provide(AtomicUsize::new(0));
    let bus = bus.on_error(|_, _| {});
    let bus = bus.connect_to(network.clone(), ["far.>"]);
    bus.start().await.unwrap()
}

/// A bus that asks.
async fn asks(network: &LoopbackNetwork) -> BusGuard {
    let bus = Bus::empty().carry::<String>().carry::<Quote>();
    let bus = bus.connect_to(network.clone(), ["far.>"]);
    bus.start().await.unwrap()
}

fn tea() -> String {
    "tea".into()
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_to_one_of_those_who_reply_elsewhere() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let shops = [shop(&network).await, shop(&network).await];
    let here = asks(&network).await;
    let mut heard = here.subscribe::<String>("far.*")?;
    for _ in 0..10 {
        let quote = here.request::<String, Quote>("far.price", tea(), SECOND);
        let cents = 300;
        let item = tea();
        assert_eq!(*quote.await?, Quote { item, cents });
    }
    assert!(heard.try_recv().is_none(), "it has left");
    drop(heard);
    let mut handled = 0;
    for shop in shops {
        handled += shop.close().await?.stats.total.done;
    }
    assert_eq!(handled, 10);
    here.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn where_somebody_here_replies_a_request_stays() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (here, there) = (shop(&network).await, shop(&network).await);
    let mut all = there.subscribe::<String>("far.>")?;
    there.connected().await;
    here.request::<String, Quote>("far.price", tea(), SECOND)
        .await?;
    assert!(all.try_recv().is_none());
    drop(all);
    assert_eq!(there.close().await?.stats.total.accepted, 0);
    assert_eq!(here.close().await?.stats.total.done, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_responders_error_comes_back() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (shop, here) = (shop(&network).await, asks(&network).await);
    let error = here.request::<String, Quote>("far.price", "gold".into(), SECOND);
    let error = error.await.unwrap_err().to_string();
    assert_eq!(
        error,
        "the request on `far.price` has failed: no gold; here"
    );
    shop.close().await?;
    here.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn where_nobody_replies_anywhere_it_is_told_at_once() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let here = asks(&network).await;
    let begin = tokio::time::Instant::now();
    let error = here.request::<String, Quote>("far.price", tea(), SECOND);
    let error = error.await.unwrap_err();
    assert!(
        matches!(error, RequestError::NoResponders { .. }),
        "{error}"
    );
    assert_eq!(error.into_request(), Some(tea()));
    // Somebody comes, and goes.
    let shop = shop(&network).await;
    let asked = here.request::<String, Quote>("far.price", tea(), SECOND);
    assert_eq!(asked.await?.cents, 300);
    shop.close().await?;
    let error = here.request::<String, Quote>("far.price", tea(), SECOND);
    let error = error.await.unwrap_err();
    assert!(
        matches!(error, RequestError::NoResponders { .. }),
        "{error}"
    );
    assert_eq!(begin.elapsed(), Duration::ZERO);
    here.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn responders_come_and_go_while_the_bus_runs() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["far.>"]).await,
        connected(&network, &["far.>"]).await,
    );
    let ask = || here.request::<u32, String>("far.a.text", 7, SECOND);
    assert!(ask().await.is_err());
    let respond = |said: &'static str| {
        there.respond("far.{part}.text", async move |number: Signal<u32>| {
            let part = number.capture("part").unwrap_or_default().to_owned();
            anyhow::Ok(format!("{part} {said} {}", *number))
        })
    };
    let listener = respond("says")?;
    there.connected().await;
    assert_eq!(*ask().await?, "a says 7");
    listener.close().await?;
    there.connected().await;
    assert!(matches!(
        ask().await,
        Err(RequestError::NoResponders { .. })
    ));
    let again = respond("said")?;
    there.connected().await;
    assert_eq!(*ask().await?, "a said 7");
    drop(again);
    there.close().await?;
    here.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_responder_of_a_group_replies_to_requests_from_here_and_elsewhere() -> anyhow::Result<()>
{
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["far.>"]).await,
        connected(&network, &["far.>"]).await,
    );
    let group = there.subscription::<u32>("far.group").group("workers");
    let member = group.respond(async |number: Signal<u32>| anyhow::Ok(number.to_string()))?;
    there.connected().await;
    for bus in [&here, &there] {
        let reply = bus.request::<u32, String>("far.group", 7, SECOND).await?;
        assert_eq!(*reply, "7");
    }
    drop(member);
    assert_eq!(there.close().await?.stats.total.done, 2);
    here.close().await?;
    Ok(())
}

static LOCAL: Topic<String> = Topic::new("far.price").local();

#[tokio::test(start_paused = true)]
async fn what_is_local_is_not_asked_elsewhere() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (shop, here) = (shop(&network).await, asks(&network).await);
    let error = here.request::<String, Quote>(LOCAL, tea(), SECOND).await;
    assert!(matches!(error, Err(RequestError::NoResponders { .. })));
    let error = here.request::<String, Quote>("near.price", tea(), SECOND);
    assert!(matches!(
        error.await,
        Err(RequestError::NoResponders { .. })
    ));
    assert_eq!(shop.close().await?.stats.total.accepted, 0);
    here.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_timeout_holds_and_what_comes_later_disturbs_nobody() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["far.>"]).await,
        connected(&network, &["far.>"]).await,
    );
    let options = there.subscription::<u32>("far.slow").unbounded();
    let slow = options.respond(async |number: Signal<u32>| {
        tokio::time::sleep(*number * SECOND).await;
        anyhow::Ok(number.to_string())
    })?;
    there.connected().await;
    let ask = |number| here.request::<u32, String>("far.slow", number, 2 * SECOND);
    let (late, soon) = tokio::join!(ask(3), ask(1));
    assert_eq!(
        late.unwrap_err().to_string(),
        "no reply on `far.slow` within 2s"
    );
    assert_eq!(*soon?, "1");
    assert_eq!(*ask(1).await?, "1");
    drop(slow);
    there.close().await?;
    here.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_responder_that_leaves_lets_nobody_wait() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["far.>"]).await,
        connected(&network, &["far.>"]).await,
    );
    let noted = Noted::default();
    let notes = noted.clone();
    let options = there.subscription::<u32>("far.left").capacity(2);
    let leaves = options.respond(async move |number: Signal<u32>| {
        notes.note(*number);
        tokio::time::sleep(SECOND).await;
        anyhow::Ok(number.to_string())
    })?;
    there.connected().await;
    let ask = async |number| {
        let asked = here.request::<u32, String>("far.left", number, 3600 * SECOND);
        match asked.await {
            Ok(reply) => reply.to_string(),
            Err(error) => error.to_string(),
        }
    };
    // One is handled, one waits for the handler, one for room, and one behind that.
    let leaves = async {
        until(|| !noted.all().is_empty()).await;
        drop(leaves);
        there.connected().await;
    };
    let (handled, waits, for_room, behind, ()) =
        tokio::join!(ask(1), ask(2), ask(3), ask(4), leaves);
    assert_eq!(handled, "1", "what runs comes to its end");
    assert!(waits.contains("it was dropped"), "{waits}");
    // Nobody has those, and nobody else replies.
    for said in [for_room, behind] {
        assert!(said.contains("nobody replies on `far.left`"), "{said}");
    }
    there.close().await?;
    here.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_one_who_leaves_has_not_taken_goes_to_another() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let here = connected(&network, &["far.>"]).await;
    let (leaving, staying) = (
        connected(&network, &["far.>"]).await,
        connected(&network, &["far.>"]).await,
    );
    let noted = Noted::default();
    let notes = noted.clone();
    let options = leaving.subscription::<u32>("far.moved").capacity(1);
    let leaves = options.respond(async move |number: Signal<u32>| {
        notes.note(*number);
        tokio::time::sleep(SECOND).await;
        anyhow::Ok(format!("{} here", *number))
    })?;
    leaving.connected().await;
    let ask = async |number| {
        let asked = here.request::<u32, String>("far.moved", number, 3600 * SECOND);
        anyhow::Ok(asked.await?.to_string())
    };
    let moves = async {
        until(|| !noted.all().is_empty()).await;
        let stays = staying.respond("far.moved", async |number: Signal<u32>| {
            anyhow::Ok(format!("{} there", *number))
        })?;
        staying.connected().await;
        drop(leaves);
        leaving.connected().await;
        anyhow::Ok(stays)
    };
    // One is handled, one waits for room, and one behind that.
    let (handled, for_room, behind, stays) = tokio::join!(ask(1), ask(2), ask(3), moves);
    assert_eq!(handled?, "1 here");
    assert_eq!((for_room?, behind?), ("2 there".into(), "3 there".into()));
    assert_eq!(noted.all(), [1]);
    drop(stays?);
    for bus in [leaving, staying, here] {
        bus.close().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_until_the_replies_have_left() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["far.>"]).await,
        connected(&network, &["far.>"]).await,
    );
    let listener = there.respond("far.slow", async |number: Signal<u32>| {
        tokio::time::sleep(SECOND).await;
        anyhow::Ok(number.to_string())
    })?;
    listener.detach();
    there.connected().await;
    let ask = async |number| {
        let asked = here.request::<u32, String>("far.slow", number, 60 * SECOND);
        asked.await.map(|reply| String::clone(&reply))
    };
    let closes = async {
        tokio::time::sleep(SECOND / 2).await;
        there.close().await
    };
    let (one, two, closed) = tokio::join!(ask(1), ask(2), closes);
    assert_eq!((one?, two?), ("1".into(), "2".into()));
    assert_eq!(closed?.stats.total.done, 2);
    here.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_type_that_cannot_travel_is_told_before_anything_is_sent() -> anyhow::Result<()> {
    #[derive(Debug)]
    struct Opaque;
    let network = LoopbackNetwork::new();
    let (shop, here) = (shop(&network).await, asks(&network).await);
    let error = here.request::<String, Opaque>("far.price", tea(), SECOND);
    match error.await {
        Err(RequestError::Refused(PublishError::Transport { signal, error })) => {
            assert_eq!(signal, tea());
            assert_eq!(error.fault(), TransportFault::Unfit);
            let said = error.to_string();
            assert!(
                said.contains("Opaque` cannot be read from a reply"),
                "{said}"
            );
            assert!(said.contains("`Bus::carry::<"), "{said}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(shop.close().await?.stats.total.accepted, 0);
    here.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_reply_of_another_type_is_named() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let there = shop(&network).await;
    let here = connected(&network, &["far.>"]).await;
    let error = here
        .request::<String, u32>("far.price", tea(), SECOND)
        .await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "replies on `far.price` are `transports::requests::Quote`, not `u32`"
    );
    there.close().await?;
    here.close().await?;
    Ok(())
}

#[subscriber("far.opaque", reply)]
async fn opaque(_: &u32) -> std::net::TcpStream {
    unreachable!("it is not called")
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_travel_is_refused_at_the_start() {
    let bus = Bus::empty().with::<opaque>();
    let error = bus.connect_to(LoopbackNetwork::new(), ["far.>"]).start();
    let error = error.await.unwrap_err().to_string();
    assert!(error.contains("TcpStream` cannot travel"), "{error}");
    assert!(error.contains("replies with it on `far.opaque`"), "{error}");
}

#[subscriber("far.chain", reply)]
async fn chain(number: u32, #[inject] bus: &signal_bus::BusHandle) -> anyhow::Result<String> {
    Ok(bus
        .request::<u32, String>("far.leaf", number, SECOND)
        .await?
        .to_string())
}

#[tokio::test(start_paused = true)]
async fn request_and_reply_are_labelled_as_all_messages_are() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let bus = Bus::empty()
        .with::<chain>()
        .connect_to(network.clone(), ["far.>"]);
    let there = bus.start().await?;
    // Past all buses, to see what is on the wire.
    let wire = network.connect(&[]).await?;
    let mut leaf = wire.serve("far.leaf").await?;
    let mut request = Message::new("far.chain", "7", Default::default());
    request.headers = request.headers.with(header::ID, "asked-1");
    let noted = Noted::<Option<Message>>::default();
    let serves = async {
        let request = std::future::poll_fn(|context| leaf.as_mut().poll_next(context)).await;
        let request = request.expect("the chain asks on");
        noted.note(Some(request.message.clone()));
        let reply = Message::new("far.leaf", "\"leaf\"", Default::default());
        request.reply.send(&reply).await
    };
    let (served, reply) = tokio::join!(serves, wire.request(&request));
    served?;
    let (reply, leaf) = (reply?, noted.all().remove(0).expect("it was noted"));
    assert_eq!(&*reply.payload, b"\"leaf\"");
    for (message, kind) in [(&reply, "alloc::string::String"), (&leaf, "u32")] {
        let of = |name: &str| message.headers.get(name);
        let content_type = of(header::CONTENT_TYPE).unwrap_or_default();
        assert!(
            content_type.starts_with("application/json"),
            "{content_type}"
        );
        assert_eq!(message.type_name(), Some(kind));
        assert_eq!(of(header::PARENT), Some("asked-1"));
        assert_eq!(of(header::ROOT), Some("asked-1"));
        assert!(message.id().is_some() && message.sender().is_some() && message.time().is_some());
    }
    there.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_the_transport_refuses_is_an_error_at_once() -> anyhow::Result<()> {
    let fake = Fake::default();
    let bus = Bus::empty()
        .carry::<u32>()
        .connect_to(fake.clone(), ["far.>"]);
    let bus = bus.start().await?;
    for fault in [TransportFault::Unreachable, TransportFault::Unauthorized] {
        fake.refuse(Some(fault));
        match bus.request::<u32, u32>("far.x", 7, SECOND).await {
            Err(RequestError::Refused(PublishError::Transport { signal: 7, error })) => {
                assert_eq!(error.fault(), fault);
            }
            other => panic!("{other:?}"),
        }
    }
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_fails_the_request() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (shop, wire) = (shop(&network).await, network.connect(&[]).await?);
    let request = Message::new("far.price", "7", Default::default());
    let reply = wire.request(&request).await?;
    let said = reply.headers.get(header::ERROR).unwrap_or_default();
    assert!(said.contains("cannot read the payload"), "{reply:?}");
    assert_eq!(shop.close().await?.stats.total.accepted, 0);
    Ok(())
}
