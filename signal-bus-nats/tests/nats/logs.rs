//! A stream that is read as a log.

use std::time::Duration;

use signal_bus::transport::TransportFault;
use signal_bus_nats::{Entry, Log, LogError, LogReader, LogStream, Nats, Read};

use crate::server::Server;

fn stream() -> LogStream {
    LogStream::named("LOG", ["log.public", "log.private"])
}

async fn opened(server: &Server) -> Log {
    let nats = Nats::at(&server.url()).unwrap();
    nats.open_log(&stream().create(0, Duration::ZERO))
        .await
        .unwrap()
}

async fn entry(reader: &mut LogReader) -> Entry {
    loop {
        if let Read::Entry(entry) = reader.next().await {
            return entry;
        }
    }
}

#[tokio::test]
async fn readers_see_one_order_from_wherever_they_begin() -> anyhow::Result<()> {
    let server = Server::start();
    let log = opened(&server).await;
    assert_eq!(log.extent().await?.last, 0);
    let mut live = log.read_after(0);
    for number in 1..=2500_u64 {
        let topic = if number % 2 == 0 {
            "log.public"
        } else {
            "log.private"
        };
        let id = format!("id-{number}");
        let place = log.append(topic, &id, number.to_string());
        assert_eq!(place.await?, number);
    }
    assert_eq!(log.append("log.public", "id-7", "again").await?, 7);
    let extent = log.extent().await?;
    assert_eq!((extent.first, extent.last), (1, 2500));
    let (mut late, mut middle) = (log.read_after(0), log.read_after(2000));
    for number in 1..=2500 {
        let (one, other) = (entry(&mut live).await, entry(&mut late).await);
        assert_eq!((one.sequence, one.payload), (number, other.payload.clone()));
        assert_eq!((one.topic, one.stored), (other.topic.clone(), other.stored));
        assert_eq!(other.behind, 2500 - number);
        if 2000 < number {
            assert_eq!(entry(&mut middle).await.payload, other.payload);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_outlives_the_server_and_misses_nothing() -> anyhow::Result<()> {
    let mut server = Server::start();
    let log = opened(&server).await;
    let mut reader = log.read_after(0);
    let mut number = 0;
    for _ in 0..3 {
        for _ in 0..100 {
            number += 1;
            log.append("log.public", &number.to_string(), number.to_string())
                .await?;
        }
        // The others are read when the server has been away.
        for _ in 0..50 {
            entry(&mut reader).await;
        }
        let made = log.extent().await?.made;
        server.restart();
        number += 1;
        log.append("log.public", &number.to_string(), number.to_string())
            .await?;
        assert_eq!(log.extent().await?.made, made);
    }
    for expected in 151..=number {
        let read = entry(&mut reader).await;
        assert_eq!(
            (read.sequence, read.payload),
            (expected, expected.to_string().into())
        );
    }
    Ok(())
}

/// Whoever waited for the number of the last message would wait for ever.
#[tokio::test]
async fn a_reader_is_told_that_nothing_follows_also_where_the_end_was_deleted() -> anyhow::Result<()>
{
    let server = Server::start();
    let log = opened(&server).await;
    for number in 1..=3 {
        log.append("log.public", &number.to_string(), "").await?;
    }
    let client = async_nats::connect(server.url()).await?;
    let stream = async_nats::jetstream::new(client).get_stream("LOG").await?;
    stream.delete_message(3).await?;
    assert_eq!(log.extent().await?.last, 3);
    let mut reader = log.read_after(0);
    assert_eq!(entry(&mut reader).await.behind, 1);
    assert_eq!(entry(&mut reader).await.behind, 0);
    let mut late = log.read_after(2);
    assert!(matches!(late.next().await, Read::Joined(_)));
    assert!(matches!(late.next().await, Read::Current));
    Ok(())
}

#[tokio::test]
async fn what_is_in_the_way_of_a_log_is_told() {
    let config = "authorization { users: [
        {user: ann, password: pw, permissions: {publish: ['log.public', '$JS.API.>'], subscribe: ['_INBOX.>', 'log.>']}},
        {user: bob, password: pw, permissions: {publish: ['log.>'], subscribe: ['_INBOX.>']}},
        {user: all, password: pw}
    ] }";
    let server = Server::with(config, &["-js"]);
    let open = async |user: &str, password: &str, stream: LogStream| {
        let nats = Nats::at(&server.url()).unwrap();
        let nats = nats.user_and_password(user, password);
        nats.open_log(&stream).await
    };
    let refused = open("all", "wrong", stream()).await.unwrap_err();
    assert!(
        matches!(&refused, LogError::Connect(error) if error.fault() == TransportFault::Unauthorized)
    );
    let refused = open("all", "pw", stream()).await.unwrap_err();
    assert!(
        matches!(&refused, LogError::Stream(error) if error.fault() == TransportFault::Missing)
    );
    assert_eq!(refused.to_string(), "there is no stream `LOG`");
    let created = stream().create(10, Duration::ZERO);
    let log = open("all", "pw", created.clone()).await.unwrap();
    let refused = open("bob", "pw", created.clone()).await.unwrap_err();
    assert!(
        matches!(&refused, LogError::Stream(error) if error.fault() == TransportFault::Unauthorized),
        "{refused}"
    );
    let refused = open("ann", "pw", created).await.unwrap_err();
    assert!(
        matches!(&refused, LogError::Topics(error) if error.fault() == TransportFault::Unauthorized),
        "{refused}"
    );
    assert!(refused.to_string().contains("log.private"), "{refused}");
    let other = LogStream::named("LOG", ["log.public", "log.other"]);
    let refused = open("all", "pw", other).await.unwrap_err();
    assert!(refused.to_string().contains("does not hold `log.other`"));
    // The questions were not stored.
    assert_eq!(log.extent().await.unwrap().last, 0);
}

#[tokio::test]
async fn a_reader_is_told_that_the_stream_is_another_one() -> anyhow::Result<()> {
    let server = Server::start();
    let log = opened(&server).await;
    let mut reader = log.read_after(0);
    log.append("log.public", "1", "first").await?;
    let Read::Joined(before) = reader.next().await else {
        panic!("it does not begin");
    };
    assert_eq!(entry(&mut reader).await.payload, "first");
    let client = async_nats::connect(server.url()).await?;
    let context = async_nats::jetstream::new(client);
    context.delete_stream("LOG").await?;
    let Read::Trouble(_) = reader.next().await else {
        panic!("it was not told");
    };
    let again = opened(&server).await;
    again.append("log.public", "1", "anew").await?;
    let after = loop {
        if let Read::Joined(extent) = reader.next().await {
            break extent;
        }
    };
    assert!(before.made < after.made && after.last <= 1);
    reader.go_on_after(0);
    assert_eq!(entry(&mut reader).await.payload, "anew");
    Ok(())
}
