//! Clients of others: nats-py.

use std::process::Stdio;

use signal_bus::Headers;
use signal_bus_nats::Delivery;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::{connected, nats, server::Server};

/// Runs a program of `tests/clients`; the first line of what it says.
async fn python(arguments: &[&str]) -> anyhow::Result<(Child, Option<String>)> {
    let clients = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
    let mut command = Command::new(format!("{clients}/python"));
    command.arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/nats-py"));
    command.arg(format!("{clients}/{}", arguments[0]));
    command.args(&arguments[1..]).stdout(Stdio::piped());
    let mut python = command.kill_on_drop(true).spawn()?;
    let stdout = python.stdout.take().expect("it is piped");
    let line = BufReader::new(stdout).lines().next_line().await?;
    Ok((python, line))
}

async fn talks(delivery: Delivery, kind: &str) -> anyhow::Result<()> {
    let server = Server::start();
    let nats = nats(&server).delivery(delivery);
    let bus = connected(&nats, &["talk.>"]).await;
    let mut heard = bus.subscribe::<u32>("talk.python")?;
    bus.connected().await;
    let (mut python, line) = python(&["talk.py", &server.url(), kind]).await?;
    assert_eq!(line.as_deref(), Some("ready"), "what is wrong is above");
    for x in [1_u32, 10] {
        let headers = Headers::new().with("Trace", format!("of-{x}"));
        headers.scope(bus.publish("talk.rust", x)).await?;
        let answer = heard.recv().await.expect("Python answers");
        assert_eq!(*answer, x + 1);
        assert_eq!(answer.headers().get("Trace"), Some(&*format!("of-{x}")));
    }
    assert!(python.wait().await?.success());
    assert!(heard.try_recv().is_none(), "what is stored once comes once");
    drop(heard);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn python_hears_and_is_heard_at_most_once() -> anyhow::Result<()> {
    talks(Delivery::at_most_once(), "core").await
}

#[tokio::test]
async fn python_hears_a_signal_that_is_alone_as_if_there_were_no_packs() -> anyhow::Result<()> {
    talks(Delivery::at_most_once().packed(), "core").await
}

#[tokio::test]
async fn python_reads_packs_by_what_is_written_of_them() -> anyhow::Result<()> {
    let server = Server::with("", &[]);
    let nats = nats(&server).delivery(Delivery::at_most_once().packed());
    let bus = connected(&nats, &["talk.>"]).await;
    let (mut python, line) = python(&["unpack.py", &server.url(), "1000"]).await?;
    assert_eq!(line.as_deref(), Some("ready"), "what is wrong is above");
    for x in 0..1000_u32 {
        let headers = Headers::new().with("Trace", format!("of-{x}"));
        headers.scope(bus.publish("talk.rust", x)).await?;
    }
    assert!(python.wait().await?.success());
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn python_hears_and_is_heard_at_least_once() -> anyhow::Result<()> {
    talks(Delivery::at_least_once(), "jetstream").await
}

/// What stands on the wire of the next message: headers and payload.
async fn next_message(wire: &mut BufReader<TcpStream>) -> anyhow::Result<String> {
    loop {
        let mut line = String::new();
        wire.read_line(&mut line).await?;
        if line.starts_with("HMSG ") {
            let length = line.split_whitespace().last().unwrap_or_default();
            let mut message = vec![0; length.parse()?];
            wire.read_exact(&mut message).await?;
            return Ok(String::from_utf8(message)?);
        }
    }
}

#[tokio::test]
async fn each_header_has_a_line_of_its_own() -> anyhow::Result<()> {
    for delivery in [Delivery::at_most_once(), Delivery::at_least_once()] {
        let server = Server::start();
        let bus = connected(&nats(&server).delivery(delivery), &["talk.>"]).await;
        let wire = TcpStream::connect(server.url().trim_start_matches("nats://")).await?;
        let mut wire = BufReader::new(wire);
        wire.write_all(
            b"CONNECT {\"headers\":true,\"verbose\":false}\r\nSUB talk.rust 1\r\nPING\r\n",
        )
        .await?;
        let mut line = String::new();
        while line != "PONG\r\n" {
            line.clear();
            wire.read_line(&mut line).await?;
        }
        for x in [7_u32, 8] {
            bus.publish("talk.rust", x).await?;
            let message = next_message(&mut wire).await?;
            let lines: Vec<_> = message.split("\r\n").collect();
            let [begin, content_type, id, end, payload] = lines[..] else {
                panic!("{message:?}");
            };
            assert_eq!((begin, end, payload), ("NATS/1.0", "", &*x.to_string()));
            assert_eq!(content_type, "Content-Type: application/json; type=\"u32\"");
            let id = id.strip_prefix("Nats-Msg-Id: ").expect("it has an id");
            assert_eq!(id.split('-').count(), 3, "{id}");
        }
        bus.close().await?;
    }
    Ok(())
}
