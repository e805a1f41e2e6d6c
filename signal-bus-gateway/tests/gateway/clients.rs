//! Clients as they are: asfpy, `requests`, curl.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::kit::{Config, Gateway, field};

/// A client that prints a line for each event, pings among them.
struct Client {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Python with asfpy in it.
fn python(script: &str) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/python"));
    command.arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/asfpy"));
    command.arg(format!(
        "{}/tests/clients/{script}.py",
        env!("CARGO_MANIFEST_DIR")
    ));
    command
}

impl Client {
    /// Starts a client, and waits until it hears the first sign of life.
    async fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("there is bash");
        let stdout = child.stdout.take().expect("it is piped");
        let mut client = Self {
            _child: child,
            lines: BufReader::new(stdout).lines(),
        };
        assert!(client.line().await.contains("stillalive"));
        client
    }

    async fn line(&mut self) -> String {
        let line = self.lines.next_line().await.expect("it is a text");
        line.expect("it goes on; what it says to standard error is above")
    }

    async fn event(&mut self) -> String {
        loop {
            let line = self.line().await;
            if !line.contains("stillalive") {
                return line;
            }
        }
    }

    /// The next events carry these numbers.
    async fn expect(&mut self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let event = self.event().await;
            assert_eq!(field(&event, "n"), number.to_string(), "{event}");
        }
    }
}

fn url(gateway: &Gateway, path: &str) -> String {
    format!("http://{}{path}", gateway.server.address())
}

async fn publish(gateway: &Gateway, path: &str, count: u32) {
    let mut command = python("publish");
    let status = command
        .arg(url(gateway, path))
        .arg(count.to_string())
        .status()
        .await;
    assert!(status.expect("there is bash").success());
}

#[tokio::test]
async fn the_listener_of_asfpy_hears_what_requests_publishes() {
    let gateway = Gateway::start().await;
    let mut command = python("listener");
    command.arg(url(&gateway, "/a"));
    let mut listener = Client::start(command).await;
    publish(&gateway, "/a/b", 30).await;
    listener.expect(0..30).await;
}

/// With 0.7.4 this client comes back in a hot loop, and hears nothing.
#[tokio::test]
async fn the_listener_of_asfpy_hears_the_past() {
    let gateway = Config::server("  backlog: {size: 10}").start().await;
    publish(&gateway, "/a", 12).await;
    let mut command = python("listener");
    command
        .arg(url(&gateway, "/a"))
        .arg("1")
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().expect("there is bash");
    let stdout = child.stdout.take().expect("it is piped");
    let mut listener = Client {
        _child: child,
        lines: BufReader::new(stdout).lines(),
    };
    listener.expect(2..12).await;
}

#[tokio::test]
async fn the_stream_of_asfpy_goes_on_after_a_restart_where_it_was() {
    let stored = |port: u16| {
        Config::server(&format!(
            "  port: {port}\n  backlog: {{size: 100, storage: DIR/backlog, fsync: true}}"
        ))
        .acl("u: {password: p:w, acl: {s: [a]}}")
    };
    let gateway = stored(0).start().await;
    let port = gateway.server.address().port();
    let mut command = python("listen");
    command.args([&url(&gateway, "/a"), "u", "p:w"]);
    let mut stream = Client::start(command).await;
    let put = async |gateway: &Gateway, number: u32| {
        assert_eq!(
            gateway
                .put("/private/a", &format!("{{\"n\": {number}}}"))
                .await,
            202
        );
    };
    put(&gateway, 0).await;
    stream.expect(0..1).await;
    let Gateway { server, folder } = gateway;
    server.stop().await;
    let gateway = stored(port)
        .start_in(folder)
        .await
        .expect("it starts again");
    put(&gateway, 1).await;
    put(&gateway, 2).await;
    stream.expect(1..3).await;
}

#[tokio::test]
async fn curl_listens_and_publishes() {
    let gateway = Gateway::start().await;
    let mut command = Command::new("curl");
    command.args(["-sN", &url(&gateway, "/fruits")]);
    let mut listener = Client::start(command).await;
    let published = Command::new("curl")
        .args(["-s", "-d", "{\"n\": 0}", &url(&gateway, "/fruits/apples")])
        .output()
        .await;
    assert_eq!(
        published.expect("there is curl").stdout,
        b"Payload received, thank you very much!\n"
    );
    listener.expect(0..1).await;
}
