//! Who may connect, and to whom: TLS, certificates, nkeys, credentials, and what is taken back while a bus runs.

use std::time::{Duration, Instant};

use signal_bus::{Bus, BusGuard, ConnectionState, PublishError, transport::TransportFault};
use signal_bus_nats::{Delivery, Nats, Streams};

use crate::{connected, keys::Keys, noting, server::Server, until};

/// A server with TLS.
fn secure(keys: &Keys, more: &str) -> Server {
    let (certificate, key) = (keys.file("server.crt"), keys.file("server.key"));
    let config = format!("tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", {more} }}");
    Server::with(&config, &["-js"])
}

/// NATS where one look is enough: these servers are there.
fn at(url: &str) -> Nats {
    let nats = Nats::at(url).unwrap();
    nats.delivery(Delivery::at_most_once())
        .wait_for_server(Duration::from_secs(1))
}

async fn is_refused(nats: &Nats) -> String {
    let bus = Bus::empty().connect_to(nats.clone(), ["secure"]);
    let begun = Instant::now();
    let error = bus.start().await.expect_err("it is not let in");
    assert!(begun.elapsed() < Duration::from_secs(8));
    error.to_string()
}

async fn is_let_in(nats: &Nats) -> anyhow::Result<()> {
    let (here, there) = (
        connected(nats, &["secure"]).await,
        connected(nats, &["secure"]).await,
    );
    let mut heard = there.subscribe::<u32>("secure")?;
    there.connected().await;
    here.publish("secure", 7_u32).await?;
    assert_eq!(*heard.recv().await.unwrap(), 7);
    drop(heard);
    here.close().await?;
    there.close().await?;
    Ok(())
}

#[tokio::test]
async fn only_a_server_that_is_known_is_talked_to() -> anyhow::Result<()> {
    let keys = Keys::certificates();
    let server = secure(&keys, "");
    let nats = at(&server.url());
    is_let_in(&nats.clone().root_certificates(keys.file("ca.crt"))).await?;
    let error = is_refused(&nats.clone().root_certificates(keys.file("other.crt"))).await;
    assert!(
        error.contains("no secure connection (TLS) to nats://127.0.0.1"),
        "{error}"
    );
    let error = is_refused(&nats.clone().require_tls()).await;
    assert!(error.contains("no secure connection"), "{error}");
    let error = is_refused(&nats.root_certificates(keys.file("missing.crt"))).await;
    assert!(error.contains("missing.crt"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_server_without_tls_is_not_talked_to_where_it_is_required() {
    let server = Server::with("", &[]);
    let error = is_refused(&at(&server.url()).require_tls()).await;
    assert!(error.to_lowercase().contains("tls"), "{error}");
}

#[tokio::test]
async fn a_server_may_want_a_certificate_of_a_bus() -> anyhow::Result<()> {
    let keys = Keys::certificates();
    let verify = format!("ca_file: \"{}\", verify: true", keys.file("ca.crt"));
    let server = secure(&keys, &verify);
    let nats = at(&server.url()).root_certificates(keys.file("ca.crt"));
    let with = nats
        .clone()
        .client_certificate(keys.file("client.crt"), keys.file("client.key"));
    is_let_in(&with).await?;
    let error = is_refused(&nats).await;
    assert!(error.to_lowercase().contains("certificate"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_nkey_opens_and_no_other_does() -> anyhow::Result<()> {
    let ann = nkeys::KeyPair::new_user();
    let known = ann.public_key();
    let config = format!("authorization {{ users: [{{ nkey: {known} }}] }}");
    let server = Server::with(&config, &[]);
    is_let_in(&at(&server.url()).nkey(ann.seed()?)).await?;
    for nats in [at(&server.url()), at(&server.url()).nkey("SUNONSENSE")] {
        let error = is_refused(&nats).await;
        assert!(error.contains("does not accept the credentials"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_credentials_file_opens_and_a_bad_one_is_named() -> anyhow::Result<()> {
    let (keys, config) = Keys::credentials();
    let server = Server::with(&config, &[]);
    let nats = at(&server.url());
    is_let_in(&nats.clone().credentials_file(keys.file("ann.creds"))).await?;
    let error = is_refused(&nats).await;
    assert!(error.contains("does not accept the credentials"), "{error}");
    std::fs::write(keys.file("empty.creds"), "")?;
    for bad in ["missing.creds", "empty.creds"] {
        let error = is_refused(&nats.clone().credentials_file(keys.file(bad))).await;
        assert!(error.contains(bad), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_and_a_password_may_stand_in_the_address() -> anyhow::Result<()> {
    let server = Server::with("authorization { token: secret }", &[]);
    is_let_in(&at(&server.url().replace("://", "://secret@"))).await?;
    let server = Server::with("authorization { user: ann, password: secret }", &[]);
    is_let_in(&at(&server.url().replace("://", "://ann:secret@"))).await
}

/// What a publish at least once fails with.
fn fault(published: Result<signal_bus::Receipt, PublishError<u32>>) -> TransportFault {
    match published {
        Err(PublishError::Transport { error, .. }) => error.fault(),
        other => panic!("{other:?}"),
    }
}

/// Whether the server does not accept the credentials of a bus any more.
fn are_refused(bus: &BusGuard) -> bool {
    let state = &bus.health().connections[0].state;
    matches!(state, ConnectionState::Failed { reason } if reason.contains("credentials"))
}

#[tokio::test]
async fn credentials_that_are_taken_back_are_told_at_once_and_may_come_back() -> anyhow::Result<()>
{
    let config = |password: &str| format!("authorization {{ user: ann, password: {password} }}");
    let server = Server::with(&config("secret"), &["-js"]);
    let nats = Nats::at(&server.url())?.user_and_password("ann", "secret");
    let nats = nats.create_streams(Streams::named("TEST"));
    let bus = connected(&nats, &["taken"]).await;
    bus.publish("taken", 1_u32).await?;
    server.reload(&config("other"));
    until(|| are_refused(&bus)).await;
    let begun = Instant::now();
    let fault = fault(bus.publish("taken", 2_u32).await);
    assert_eq!(fault, TransportFault::Unauthorized);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it waits for nobody"
    );
    server.reload(&config("secret"));
    until(|| bus.health().is_healthy()).await;
    bus.publish("taken", 3_u32).await?;
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn credentials_that_have_ended_are_told_and_new_ones_in_the_file_are_taken()
-> anyhow::Result<()> {
    let (keys, config) = Keys::credentials();
    keys.renew_credentials(Some(Duration::from_secs(3)));
    let server = Server::with(&config, &[]);
    let nats = at(&server.url()).credentials_file(keys.file("ann.creds"));
    let bus = connected(&nats, &["ends"]).await;
    let (_listener, noted) = noting(&bus, "ends", None)?;
    bus.publish("ends", 1_u32).await?;
    until(|| are_refused(&bus)).await;
    assert_eq!(
        fault(bus.publish("ends", 2_u32).await),
        TransportFault::Unauthorized
    );
    // The client looks again after a while.
    keys.renew_credentials(None);
    until(|| bus.health().is_healthy()).await;
    bus.publish("ends", 3_u32).await?;
    until(|| noted.all() == [1, 3]).await;
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn credentials_that_are_renewed_in_time_end_unnoticed() -> anyhow::Result<()> {
    let (keys, config) = Keys::credentials();
    keys.renew_credentials(Some(Duration::from_secs(3)));
    let server = Server::with(&config, &["-js"]);
    let nats = Nats::at(&server.url())?.credentials_file(keys.file("ann.creds"));
    let nats = nats.create_streams(Streams::named("TEST"));
    let bus = connected(&nats, &["renewed"]).await;
    keys.renew_credentials(None);
    let mut publishing = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let bus = bus.handle();
        publishing.spawn(async move {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(5) {
                bus.publish("renewed", 1_u32).await?;
                // Some are to begin just when they end.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            anyhow::Ok(())
        });
    }
    while let Some(published) = publishing.join_next().await {
        published??;
    }
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn credentials_that_cannot_be_read_any_more_are_used_as_they_were() -> anyhow::Result<()> {
    let (keys, config) = Keys::credentials();
    let mut server = Server::with(&config, &[]);
    let file = keys.file("ann.creds");
    let bus = connected(&at(&server.url()).credentials_file(&file), &["stays"]).await;
    let (_listener, noted) = noting(&bus, "stays", None)?;
    let half = std::fs::read_to_string(&file)?;
    for (number, left) in [(1_u32, Some(&half[..100])), (2, Some("")), (3, None)] {
        match left {
            Some(left) => std::fs::write(&file, left)?,
            None => std::fs::remove_file(&file)?,
        }
        server.kill();
        until(|| !bus.health().is_healthy()).await;
        server.run();
        until(|| bus.health().is_healthy()).await;
        bus.publish("stays", number).await?;
        until(|| noted.all().len() == number as usize).await;
    }
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_permission_that_is_taken_back_is_told_and_may_come_back() -> anyhow::Result<()> {
    let config = |deny: &str| {
        format!(
            "authorization {{ users: [{{ user: ann, password: secret, permissions: {{ publish: {{ deny: [{deny}] }} }} }}] }}"
        )
    };
    let (open, shut) = (config("\"else\""), config("\"may.x\""));
    let server = Server::with(&open, &["-js"]);
    let url = server.url().replace("://", "://ann:secret@");
    let nats = Nats::at(&url)?.create_streams(Streams::named("TEST"));
    for nats in [nats.clone(), nats.delivery(Delivery::at_most_once())] {
        let bus = connected(&nats, &["may.x"]).await;
        bus.publish("may.x", 1_u32).await?;
        server.reload(&shut);
        // At most once, the first ones after that may be lost.
        let begun = Instant::now();
        while bus.publish("may.x", 2_u32).await.is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is told");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        until(|| bus.health().is_healthy()).await;
        assert_eq!(
            fault(bus.publish("may.x", 2_u32).await),
            TransportFault::Unauthorized
        );
        server.reload(&open);
        let begun = Instant::now();
        while bus.publish("may.x", 3_u32).await.is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "it is permitted again"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bus.close().await?;
    }
    Ok(())
}
