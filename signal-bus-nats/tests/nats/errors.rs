//! What is wrong is said, before anything is lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use signal_bus::{Bus, BusGuard, PublishError, transport::TransportFault};
use signal_bus_nats::{Delivery, Nats, Streams};

use crate::{connected, nats, server::Server};

/// Each way to deliver.
fn deliveries(nats: Nats) -> [Nats; 3] {
    let once = Delivery::at_most_once();
    [
        nats.clone(),
        nats.clone().delivery(once.clone()),
        nats.delivery(once.packed()),
    ]
}

async fn start(nats: Nats) -> String {
    let bus = Bus::empty().connect_to(nats, ["orders.>"]);
    bus.start()
        .await
        .expect_err("something is wrong")
        .to_string()
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let nats = Nats::at("nats://127.0.0.1:1").unwrap();
    let error = start(nats.wait_for_server(Duration::from_millis(300))).await;
    assert!(
        error.contains("cannot connect to nats://127.0.0.1:1: nothing that speaks NATS answers"),
        "{error}"
    );
    assert!(error.contains("nats-server -js"), "{error}");
}

#[tokio::test]
async fn a_stream_that_is_missing_and_a_server_without_any() {
    let server = Server::start();
    let error = start(Nats::at(&server.url()).unwrap()).await;
    assert!(
        error.contains("no stream of JetStream holds `orders.>`"),
        "{error}"
    );
    assert!(error.contains("create_streams"), "{error}");
    let plain = Server::with("", &[]);
    let error = start(nats(&plain)).await;
    assert!(error.contains("does not answer for JetStream"), "{error}");
}

#[tokio::test]
async fn wrong_credentials() {
    let server = Server::with("authorization { user: ann, password: secret }", &["-js"]);
    let url = server.url();
    for nats in [
        Nats::at(&url).unwrap(),
        Nats::at(&url).unwrap().user_and_password("ann", "wrong"),
        Nats::at(&url).unwrap().token("token"),
    ] {
        let error = start(nats).await;
        assert!(error.contains("does not accept the credentials"), "{error}");
    }
    let with = url.replace("nats://", "nats://ann:secret@");
    let nats = Nats::at(&with)
        .unwrap()
        .create_streams(Streams::named("TEST"));
    let bus = Bus::empty().connect_to(nats, ["orders.>"]).start().await;
    bus.unwrap().close().await.unwrap();
}

/// Somebody who may publish on some subjects only.
const ANN: &str = r#"
    authorization { users: [{
        user: ann, password: secret,
        permissions: { publish: ["open.>", "$JS.>", "_INBOX.>"], subscribe: ["open.>", "secret.own", "_INBOX.>"] }
    }] }
"#;

fn anns(server: &Server) -> String {
    server.url().replace("nats://", "nats://ann:secret@")
}

#[tokio::test]
async fn a_subject_that_may_not_be_published_on_or_heard() -> anyhow::Result<()> {
    let server = Server::with(ANN, &["-js"]);
    let nats = Nats::at(&anns(&server))?
        .create_streams(Streams::named("TEST"))
        .without_dead_letters();
    for nats in deliveries(nats) {
        let bus = connected(&nats, &["open.>", "secret.>"]).await;
        bus.publish("open.x", 7_u32).await?;
        match bus.publish("secret.x", 7_u32).await {
            Err(PublishError::Transport { signal: 7, error }) => {
                assert_eq!(error.fault(), TransportFault::Unauthorized, "{error}");
                assert!(error.to_string().contains("secret.x"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        bus.close().await?;
    }
    Ok(())
}

/// What the server says of a first publish, by the way, at most once.
async fn is_forbidden(bus: &BusGuard, topic: String) {
    match bus.publish(&*topic, 7_u32).await {
        Err(PublishError::Transport { signal: 7, error }) => {
            assert_eq!(error.fault(), TransportFault::Unauthorized, "{error}");
            assert!(error.to_string().contains(&topic), "{error}");
        }
        other => panic!("{topic}: {other:?}"),
    }
}

#[tokio::test]
async fn what_may_not_be_published_is_told_however_slow_the_server_is() -> anyhow::Result<()> {
    let server = Server::with(ANN, &[]);
    for delivery in [Delivery::at_most_once(), Delivery::at_most_once().packed()] {
        let nats = Nats::at(&anns(&server))?.delivery(delivery);
        let bus = connected(&nats, &["open.>", "secret.>"]).await;
        for round in 0..5 {
            server.stop();
            let goes_on = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                server.signal("CONT");
            };
            tokio::join!(is_forbidden(&bus, format!("secret.{round}")), goes_on);
            bus.publish(&*format!("open.{round}"), 7_u32).await?;
        }
        bus.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_published_is_told_however_busy_the_machine_is() -> anyhow::Result<()> {
    let server = Server::with(ANN, &[]);
    // Without an inbox the server says of that, too, that it is not permitted.
    let without = ANN.replace(", \"_INBOX.>\"]", "]");
    let strict = Server::with(&without, &[]);
    let over = Arc::<AtomicBool>::default();
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    for server in [&server, &strict] {
        let nats = Nats::at(&anns(server))?.delivery(Delivery::at_most_once());
        let bus = connected(&nats, &["open.>", "secret.>"]).await;
        for round in 0..50 {
            is_forbidden(&bus, format!("secret.{round}")).await;
            bus.publish(&*format!("open.{round}"), 7_u32).await?;
        }
        bus.close().await?;
    }
    over.store(true, Ordering::Relaxed);
    for thread in busy {
        thread.join().expect("it only waits");
    }
    Ok(())
}

#[tokio::test]
async fn a_message_may_be_as_large_as_the_server_takes_and_not_a_byte_more() -> anyhow::Result<()> {
    const LIMIT: usize = 4096;
    let server = Server::with("max_payload: 4096", &["-js"]);
    let nats = nats(&server);
    for nats in deliveries(nats) {
        let bus = connected(&nats, &["large"]).await;
        let publish = async |count: usize| match bus.publish("large", "x".repeat(count)).await {
            Ok(_) => None,
            Err(PublishError::Transport { signal, error }) => {
                assert_eq!(signal.len(), count);
                match error.fault() {
                    TransportFault::TooLarge { size, limit: LIMIT } => Some(size),
                    other => panic!("{other:?}: {error}"),
                }
            }
            Err(other) => panic!("{other:?}"),
        };
        let around = publish(LIMIT).await.expect("headers count") - LIMIT;
        assert_eq!(publish(LIMIT - around + 1).await, Some(LIMIT + 1));
        assert_eq!(publish(LIMIT - around).await, None);
        assert_eq!(publish(LIMIT - around - 1).await, None);
        assert!(bus.health().is_healthy());
        bus.close().await?;
    }
    Ok(())
}
