//! Several gateways, as processes of their own, show one stream of a real NATS server.

#[path = "../../../signal-bus-nats/tests/nats/server.rs"]
#[expect(
    dead_code,
    clippy::disallowed_methods,
    reason = "the tests of the transport do more with it; a server has a clock of its own"
)]
pub(crate) mod server;

use std::{
    collections::HashMap,
    process::Stdio,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::Command,
    time::sleep,
};

use crate::{
    kit::{Answer, Folder, Raw, connect, cursor, field, login, put},
    program::Running,
    several::server::Server,
};

pub(crate) const ACL: &str = "ann: {password: pw, acl: {s: [git]}}\n";

/// A gateway on a stream, and its folder.
struct Gateway {
    running: Running,
    folder: Folder,
}

/// A configuration with lines for the section `nats`, which begins in line 3.
pub(crate) fn config(server: &Server, nats: &str) -> String {
    let url = server.url();
    format!(
        "server: {{bind: 127.0.0.1, port: 0, backlog: {{size: 100000}}}}\n\
         clients: {{payloaders: [127.0.0.1]}}\n\
         nats:\n  servers: {url}\n{nats}"
    )
}

impl Gateway {
    async fn start(server: &Server) -> Self {
        let folder = Folder::new();
        folder.write("c.yaml", &config(server, "  create: true\n"));
        folder.write("a.yaml", ACL);
        let running = Running::start(&folder).await;
        Self { running, folder }
    }

    async fn ask(&self, request: &str) -> Answer {
        let mut raw = connect(self.running.address).await;
        raw.send(request).await;
        raw.answer().await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await
    }

    async fn put(&self, path: &str, body: &str) -> Answer {
        self.ask(&put(path, body)).await
    }

    async fn open(&self, path: &str, headers: &str) -> Raw<TcpStream> {
        let mut raw = connect(self.running.address).await;
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"))
            .await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        raw
    }

    /// What it has of the past.
    async fn past(&self, headers: &str) -> Vec<String> {
        let mut raw = self.open("/", headers).await;
        let mut lines = Vec::new();
        loop {
            let line = raw.line().await;
            if line.starts_with("{\"stillalive\"") {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Kills it, and starts it again on another port.
    async fn restart(&mut self) {
        self.running.signal("-KILL");
        self.running.child.wait().await.expect("it runs");
        self.running = Running::start(&self.folder).await;
    }
}

async fn events(stream: &mut Raw<TcpStream>, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        lines.push(stream.event().await);
    }
    lines
}

/// Publishes until it is told to stop; says which numbers were accepted, and which were not.
async fn publish(
    gateway: &Gateway,
    numbers: &AtomicU32,
    is_over: &AtomicBool,
) -> (Vec<u32>, Vec<(u32, String)>) {
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    let mut raw = connect(gateway.running.address).await;
    while !is_over.load(Ordering::Relaxed) {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        raw.send(put("/load", &format!("{{\"n\": {number}}}")))
            .await;
        let answer = raw.answer().await;
        match answer.status() {
            202 => accepted.push(number),
            503 => {
                assert!(
                    answer.head.contains("\r\nRetry-After: 5\r\n"),
                    "{}",
                    answer.head
                );
                refused.push((number, answer.body));
            }
            status => panic!("{status}"),
        }
    }
    (accepted, refused)
}

/// Each line has the next place in the stream, and how often each number was shown.
fn counted(lines: &[String]) -> HashMap<u32, u32> {
    let mut counts = HashMap::new();
    for line in lines {
        let number = field(line, "n").parse().expect("a number");
        *counts.entry(number).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn two_gateways_show_one_order_with_the_same_cursors_and_answer_the_same() {
    let server = Server::start();
    let (one, other) = (Gateway::start(&server).await, Gateway::start(&server).await);
    let (mut here, mut there) = (one.open("/", "").await, other.open("/", "").await);
    let numbers = AtomicU32::new(0);
    let publish = async |gateway: &Gateway| {
        let mut raw = connect(gateway.running.address).await;
        for _ in 0..50 {
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            let body = format!("{{\"n\": {number}, \"\u{e9}\": [1E5, {{}}]}}");
            raw.send(put("/a/%C3%A9%0A%22", &body)).await;
            assert_eq!(raw.answer().await.status(), 202);
        }
    };
    let publishers = (0..8).map(|number| publish([&one, &other][number % 2]));
    join_all(publishers).await;
    let lines = events(&mut here, 400).await;
    assert_eq!(lines, events(&mut there, 400).await);
    let counts = counted(&lines);
    assert!(counts.len() == 400 && counts.values().all(|count| *count == 1));
    // The cursor is the place in the stream: 1 to 400.
    for (number, line) in (1..).zip(&lines) {
        let (_, place) = cursor(line).rsplit_once('-').expect("a cursor");
        assert_eq!(u64::from_str_radix(place, 16), Ok(number), "{line}");
    }
    let late = Gateway::start(&server).await;
    let middle = cursor(&lines[199]);
    for gateway in [&one, &other, &late] {
        assert_eq!(gateway.past("X-Fetch-Since: 0\r\n").await, lines);
        let after = format!("X-Fetch-Since-Cursor: {middle}\r\n");
        assert_eq!(gateway.past(&after).await, lines[200..]);
        let mut browser = gateway
            .open("/_bus/events", &format!("Last-Event-ID: {middle}\r\n"))
            .await;
        let first = browser.until("\n\n").await;
        assert!(
            first.contains(&format!("id: {}\n", cursor(&lines[200]))),
            "{first}"
        );
        let strange = "Last-Event-ID: 54611994-22c3-4c85-ac2e-d93ff4b0f369\r\n";
        let mut stale = gateway.open("/_bus/events", strange).await;
        assert!(stale.until("\n\n").await.contains("event: stale\n"));
    }
}

/// From one gateway to the other, again and again, while events come in: each once, and in order.
#[tokio::test]
async fn a_client_goes_on_at_another_gateway_without_a_gap_or_a_repeat() {
    let server = Server::start();
    let gateways = [Gateway::start(&server).await, Gateway::start(&server).await];
    let first = gateways[0].put("/load", "{\"n\": 0}").await;
    assert_eq!(first.status(), 202);
    let (numbers, is_over) = (AtomicU32::new(1), AtomicBool::new(false));
    let client = async {
        let mut lines = gateways[1].past("X-Fetch-Since: 0\r\n").await;
        while lines.is_empty() {
            lines = gateways[1].past("X-Fetch-Since: 0\r\n").await;
        }
        for turn in 0..100 {
            let last = cursor(lines.last().expect("there is one"));
            let header = format!("X-Fetch-Since-Cursor: {last}\r\n");
            let mut stream = gateways[turn % 2].open("/", &header).await;
            lines.extend(events(&mut stream, 1 + turn % 7).await);
        }
        is_over.store(true, Ordering::Relaxed);
        lines
    };
    let publishers = gateways
        .iter()
        .map(|gateway| publish(gateway, &numbers, &is_over));
    let (lines, _) = tokio::join!(client, join_all(publishers));
    let all = gateways[0].past("X-Fetch-Since: 0\r\n").await;
    assert_eq!(lines, all[..lines.len()]);
}

/// The bar: each 202 is in both streams exactly once, in the same order.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_load_loses_nothing_that_was_accepted() {
    let mut server = Server::start();
    let gateways = [Gateway::start(&server).await, Gateway::start(&server).await];
    let mut streams = [
        gateways[0].open("/", "").await,
        gateways[1].open("/", "").await,
    ];
    let (numbers, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let killer = async {
        for away in [0, 100, 3000, 0] {
            sleep(Duration::from_millis(700)).await;
            server.kill();
            if 3000 <= away {
                while gateways[0].get("/_bus/ready").await.status() != 503 {}
                let said = gateways[1].get("/_bus/health").await;
                assert_eq!(said.status(), 200, "{}", said.body);
            }
            sleep(Duration::from_millis(away)).await;
            server.run();
            while gateways[0].get("/_bus/ready").await.status() != 200 {}
        }
        sleep(Duration::from_millis(700)).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let publishers = (0..6).map(|number| publish(&gateways[number % 2], &numbers, &is_over));
    let ((), published) = tokio::join!(killer, join_all(publishers));
    let end = gateways[0].put("/end", "{\"n\": 4000000000}").await;
    assert_eq!(end.status(), 202);
    let mut shown = Vec::new();
    for stream in &mut streams {
        let mut lines = Vec::new();
        while lines
            .last()
            .is_none_or(|line: &String| !line.contains("4000000000"))
        {
            lines.push(stream.event().await);
        }
        shown.push(lines);
    }
    assert_eq!(shown[0], shown[1]);
    let counts = counted(&shown[0]);
    let (mut accepted_count, mut refused_count) = (0, 0);
    for (accepted, refused) in published {
        for number in accepted {
            assert_eq!(counts.get(&number), Some(&1), "{number}");
            accepted_count += 1;
        }
        for (number, said) in refused {
            let count = counts.get(&number).copied().unwrap_or(0);
            let most = u32::from(said.contains("it may be shown, or not"));
            assert!(count <= most, "{number} was shown {count} times: {said}");
            refused_count += 1;
        }
    }
    println!("{accepted_count} accepted, {refused_count} refused");
    assert!(100 < accepted_count);
    assert_eq!(gateways[1].past("X-Fetch-Since: 0\r\n").await, shown[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_comes_back_with_all_that_there_is() {
    let server = Server::start();
    let (one, mut other) = (Gateway::start(&server).await, Gateway::start(&server).await);
    let mut stream = one.open("/", "").await;
    let mut accepted = Vec::new();
    for round in 0..3 {
        let mut raw = connect(other.running.address).await;
        for number in round * 100..round * 100 + 50 {
            raw.send(put("/load", &format!("{{\"n\": {number}}}")))
                .await;
            assert_eq!(raw.answer().await.status(), 202);
            accepted.push(number);
        }
        // One more may be stored, or not, when it dies.
        raw.send(put("/load", &format!("{{\"n\": {}}}", round * 100 + 99)))
            .await;
        other.restart().await;
        assert_eq!(
            one.put("/load", &format!("{{\"n\": {}}}", round * 100 + 98))
                .await
                .status(),
            202
        );
        accepted.push(round * 100 + 98);
    }
    let mut lines = Vec::new();
    while lines
        .last()
        .is_none_or(|line: &String| !line.contains("\"n\": 298,"))
    {
        lines.push(stream.event().await);
    }
    let counts = counted(&lines);
    assert!(accepted.iter().all(|number| counts.get(number) == Some(&1)));
    assert!(counts.values().all(|count| *count == 1));
    let (here, there) = (
        one.past("X-Fetch-Since: 0\r\n").await,
        other.past("X-Fetch-Since: 0\r\n").await,
    );
    assert_eq!((&here, &there), (&lines, &lines));
}

#[tokio::test]
async fn while_the_server_is_away_publishers_are_told_and_streams_stay() {
    let mut server = Server::start();
    let gateway = Gateway::start(&server).await;
    let mut stream = gateway.open("/", "").await;
    assert_eq!(gateway.put("/a", "{\"n\": 1}").await.status(), 202);
    assert_eq!(field(&stream.event().await, "n"), "1");
    server.kill();
    while gateway.get("/_bus/ready").await.status() != 503 {}
    let ready = gateway.get("/_bus/ready").await.body;
    assert!(ready.starts_with("the stream cannot be read: "), "{ready}");
    let refused = gateway.put("/a", "{\"n\": 2}").await;
    assert_eq!(refused.status(), 503);
    assert!(
        refused.head.contains("\r\nRetry-After: 5\r\n"),
        "{}",
        refused.head
    );
    assert!(
        refused.body.contains("nobody will see it"),
        "{}",
        refused.body
    );
    let metrics = gateway.get("/_bus/metrics").await.body;
    for line in [
        "stream_readable 0",
        "stream_sequence 1",
        "store_failures_total 1",
    ] {
        assert!(
            metrics.contains(&format!("\nsignal_bus_gateway_{line}\n")),
            "{metrics}"
        );
    }
    server.run();
    while gateway.get("/_bus/ready").await.status() != 200 {}
    assert_eq!(gateway.put("/a", "{\"n\": 3}").await.status(), 202);
    assert_eq!(field(&stream.event().await, "n"), "3");
}

#[tokio::test]
async fn each_gateway_shows_private_events_to_those_whom_its_own_acl_names() {
    let server = Server::start();
    let one = Gateway::start(&server).await;
    let mut other = Gateway::start(&server).await;
    let known = login("ann", "pw");
    let (mut ann, mut nobody) = (other.open("/", &known).await, other.open("/", "").await);
    assert_eq!(one.put("/private/git", "{\"n\": 1}").await.status(), 202);
    assert_eq!(one.put("/git", "{\"n\": 2}").await.status(), 202);
    assert_eq!(field(&ann.event().await, "n"), "1");
    assert_eq!(field(&nobody.event().await, "n"), "2");
    other
        .folder
        .write("a.yaml", "ann: {password: pw, acl: {s: [svn]}}\n");
    other.running.signal("-USR2");
    other
        .running
        .until_logged("Loaded ACL from a.yaml: 1 users")
        .await;
    other
        .running
        .until_logged("Loaded ACL from a.yaml: 1 users")
        .await;
    let numbers = |lines: Vec<String>| -> Vec<String> {
        lines
            .iter()
            .map(|line| field(line, "n").to_owned())
            .collect()
    };
    let since = format!("{known}X-Fetch-Since: 0\r\n");
    assert_eq!(numbers(one.past(&since).await), ["1", "2"]);
    assert_eq!(numbers(other.past(&since).await), ["2"]);
}

/// Python publishes what is an event, and what is none, and reads what a gateway has published.
#[tokio::test]
async fn other_programs_publish_and_read_and_what_is_no_event_harms_nobody() {
    let server = Server::start();
    let mut gateway = Gateway::start(&server).await;
    let mut stream = gateway.open("/", &login("ann", "pw")).await;
    assert_eq!(
        gateway.put("/fruits/apples", "{\"n\": 0}").await.status(),
        202
    );
    assert_eq!(
        gateway.put("/private/git", "{\"n\": 1}").await.status(),
        202
    );
    let tests = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../signal-bus-nats/tests/clients/python"
    );
    let mut command = Command::new(tests);
    command.arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/nats-py"));
    command.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/clients/stream.py"
    ));
    command
        .arg(server.url())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut python = command.spawn().expect("there is bash");
    let mut said = BufReader::new(python.stdout.take().expect("it is piped")).lines();
    let lines = events(&mut stream, 4).await;
    assert!(python.wait().await.expect("it runs").success());
    for line in &lines[..2] {
        let read = said.next_line().await.expect("it is a text");
        // All but the cursor.
        let (event, _) = line.split_once(", \"pubsub_cursor\"").expect("a cursor");
        assert_eq!(read, Some(format!("{event}}}")));
    }
    let shown: Vec<_> = lines[2..]
        .iter()
        .map(|line| {
            (
                field(line, "n"),
                field(line, "pubsub_path"),
                field(line, "pubsub_topics"),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("2", "\"/fruits/\\u00e9\"", "[\"fruits\", \"\\u00e9\"]"),
            ("3", "\"/private/git\"", "[\"git\"]")
        ]
    );
    gateway
        .running
        .until_logged("is not shown: it is no JSON object")
        .await;
    let metrics = gateway.get("/_bus/metrics").await.body;
    assert!(
        metrics.contains("\nsignal_bus_gateway_unreadable_messages_total 8\n"),
        "{metrics}"
    );
    assert_eq!(gateway.get("/_bus/ready").await.status(), 200);
}
