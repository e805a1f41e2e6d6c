//! Clients of others: nats-py.

use std::process::Stdio;

use signal_bus::Headers;
use signal_bus_nats::Delivery;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::{connected, nats, server::Server};

async fn talks(delivery: Delivery, kind: &str) -> anyhow::Result<()> {
    let server = Server::start();
    let nats = nats(&server).delivery(delivery);
    let bus = connected(&nats, &["talk.>"]).await;
    let mut heard = bus.subscribe::<u32>("talk.python")?;
    bus.connected().await;
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/python"));
    command.arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/nats-py"));
    command.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/clients/talk.py"
    ));
    command.args([&server.url(), kind]).stdout(Stdio::piped());
    let mut python = command.kill_on_drop(true).spawn()?;
    let stdout = python.stdout.take().expect("it is piped");
    let line = BufReader::new(stdout).lines().next_line().await?;
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
async fn python_hears_and_is_heard_at_least_once() -> anyhow::Result<()> {
    talks(Delivery::at_least_once(), "jetstream").await
}
