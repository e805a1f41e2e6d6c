//! What is kept for those who come back, also over a restart.

use crate::kit::{Config, Folder, Gateway, assert_ping, cursor, field};

async fn publish(gateway: &Gateway, numbers: std::ops::Range<u32>) {
    for number in numbers {
        assert_eq!(
            gateway.put("/a", &format!("{{\"n\": {number}}}")).await,
            202
        );
    }
}

/// What a stream gets before its first ping.
async fn past(gateway: &Gateway, header: &str) -> Vec<String> {
    let mut stream = gateway.open("/a", header).await;
    let mut past = Vec::new();
    loop {
        let line = stream.line().await;
        if line.starts_with("{\"stillalive\"") {
            assert_ping(&line);
            return past;
        }
        past.push(line);
    }
}

fn numbers(lines: &[String]) -> Vec<u32> {
    lines
        .iter()
        .map(|line| field(line, "n").parse().expect("a number"))
        .collect()
}

fn after(line: &str) -> String {
    format!("X-Fetch-Since-Cursor: {}\r\n", cursor(line))
}

#[tokio::test]
async fn what_is_asked_for_comes_before_the_first_ping() {
    let gateway = Config::server("  backlog: {size: 5}").start().await;
    publish(&gateway, 0..8).await;
    let all = past(&gateway, "X-Fetch-Since: 0\r\n").await;
    assert_eq!(numbers(&all), [3, 4, 5, 6, 7]);
    assert_eq!(numbers(&past(&gateway, &after(&all[2])).await), [6, 7]);
    let time: f64 = field(&all[4], "pubsub_timestamp")
        .parse()
        .expect("a number");
    #[expect(clippy::cast_possible_truncation, reason = "a time of today")]
    let seconds = time as i64;
    assert_eq!(
        numbers(&past(&gateway, &format!("X-Fetch-Since: {}\r\n", seconds + 1)).await),
        [0; 0]
    );
    assert!(
        !past(&gateway, &format!("X-Fetch-Since: {seconds}\r\n"))
            .await
            .is_empty()
    );
    assert_eq!(
        numbers(&past(&gateway, "X-Fetch-Since: 99999999999999999999\r\n").await),
        [0; 0]
    );
    assert_eq!(
        numbers(&past(&gateway, "X-Fetch-Since: yesterday\r\n").await),
        [3, 4, 5, 6, 7]
    );
}

/// As `nc -N` does.
#[tokio::test]
async fn who_sends_no_more_still_hears_that_its_event_is_stored() {
    use tokio::io::AsyncWriteExt as _;
    let stored = "  backlog: {size: 5, storage: DIR/backlog, fsync: true}";
    let gateway = Config::server(stored).start().await;
    for number in 0..10 {
        let mut publisher = gateway.connect().await;
        publisher.send(crate::kit::put("/a", "{}")).await;
        let closed = publisher.stream.shutdown().await;
        closed.expect("the other side listens");
        assert_eq!(publisher.answer().await.status(), 202, "{number}");
    }
}

#[tokio::test]
async fn what_is_asked_for_by_an_unknown_name_is_nothing() {
    let gateway = Config::server("  backlog: {size: 5}").start().await;
    publish(&gateway, 0..3).await;
    for header in [
        "",
        "X-Fetch-Since:\r\n",
        "X-Fetch-Since-Cursor: 54611994-22c3-4c85-ac2e-d93ff4b0f369\r\n",
        "X-Fetch-Since-Cursor: short\r\n",
        "X-Fetch-Since-Cursor: \u{e9}\r\n",
    ] {
        assert_eq!(numbers(&past(&gateway, header).await), [0; 0], "{header}");
    }
}

/// Everybody else gets everything, and nobody waits for those who do not read.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_read_nothing_are_disconnected_and_nobody_waits() {
    const STALLED: usize = 100;
    const EVENTS: u32 = 400;
    let gateway = Config::server("  max_payload_size: 200000").start().await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(gateway.subscribe("/a").await);
    }
    let mut quick = gateway.subscribe("/a").await;
    let filling = "x".repeat(100_000);
    let mut publisher = gateway.connect().await;
    for number in 0..EVENTS {
        publisher
            .send(crate::kit::put(
                "/a",
                &format!("{{\"n\": {number}, \"x\": \"{filling}\"}}"),
            ))
            .await;
        assert_eq!(publisher.answer().await.status(), 202);
        assert_eq!(field(&quick.event().await, "n"), number.to_string());
    }
    let metrics = gateway
        .ask("GET /_bus/metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let line = format!("signal_bus_gateway_slow_streams_total {STALLED}\n");
    assert!(metrics.body.contains(&line), "{}", metrics.body);
    // What has come before the end is whole, in order, and without an end to the body.
    let rest = stalled[0].rest().await;
    let numbers: Vec<u32> = rest
        .split("{\"n\": ")
        .skip(1)
        .filter_map(|part| part.split(',').next()?.parse().ok())
        .collect();
    assert!(
        numbers
            .iter()
            .copied()
            .eq(0..numbers.len().try_into().expect("few")),
        "{numbers:?}"
    );
    assert!(!numbers.is_empty() && numbers.len() < 400 && !rest.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn without_a_backlog_there_is_no_past() {
    let gateway = Gateway::start().await;
    publish(&gateway, 0..3).await;
    assert_eq!(
        numbers(&past(&gateway, "X-Fetch-Since: 0\r\n").await),
        [0; 0]
    );
}

#[tokio::test]
async fn the_past_is_private_as_well() {
    let config = Config::server("  backlog: {size: 5}").acl("u: {password: p, acl: {s: [a]}}");
    let gateway = config.start().await;
    assert_eq!(gateway.put("/private/a", "{\"n\": 1}").await, 202);
    assert_eq!(gateway.put("/private/a/b", "{\"n\": 2}").await, 202);
    publish(&gateway, 3..4).await;
    assert_eq!(numbers(&past(&gateway, "X-Fetch-Since: 0\r\n").await), [3]);
    let known = format!("X-Fetch-Since: 0\r\n{}", crate::kit::login("u", "p"));
    assert_eq!(numbers(&past(&gateway, &known).await), [1, 2, 3]);
}

fn stored(fsync: bool) -> Config {
    Config::server(&format!(
        "  backlog: {{size: 100, storage: DIR/backlog, fsync: {fsync}}}"
    ))
}

/// Starts a gateway again, with what another one has left.
async fn restarted(gateway: Gateway, config: Config) -> Gateway {
    let Gateway { server, folder } = gateway;
    server.stop().await;
    config.start_in(folder).await.expect("it starts again")
}

#[tokio::test]
async fn a_restart_keeps_events_paths_and_cursors() {
    for fsync in [false, true] {
        let gateway = stored(fsync).start().await;
        publish(&gateway, 0..150).await;
        let before = past(&gateway, "X-Fetch-Since: 0\r\n").await;
        let gateway = restarted(gateway, stored(fsync)).await;
        assert_eq!(past(&gateway, "X-Fetch-Since: 0\r\n").await, before);
        publish(&gateway, 150..152).await;
        assert_eq!(
            numbers(&past(&gateway, &after(&before[97])).await),
            [148, 149, 150, 151]
        );
        assert_eq!(
            numbers(&past(&gateway, "X-Fetch-Since: 0\r\n").await).len(),
            100
        );
    }
}

#[tokio::test]
async fn a_backlog_that_is_broken_is_put_aside() {
    for (name, bytes) in [
        ("broken", b"redb\x1a\n\xa9\r\n broken".to_vec()),
        ("pypubsub", b"no json\n".to_vec()),
        ("pypubsub", Vec::new()),
    ] {
        let folder = Folder::new();
        std::fs::write(folder.0.join("backlog"), &bytes).expect("there is room for a file");
        let gateway = stored(true).start_in(folder).await.expect("it starts");
        let aside = gateway.folder.0.join(format!("backlog.{name}"));
        assert_eq!(std::fs::read(aside).expect("it was put aside"), bytes);
        publish(&gateway, 0..2).await;
        let gateway = restarted(gateway, stored(true)).await;
        assert_eq!(
            numbers(&past(&gateway, "X-Fetch-Since: 0\r\n").await),
            [0, 1]
        );
    }
}

#[tokio::test]
async fn the_backlog_of_pypubsub_is_taken_over() {
    let folder = Folder::new();
    folder.write(
        "backlog",
        concat!(
            r#"{"timestamp": 1795211229.5, "topics": ["a", "b"], "json": {"n": 1, "pubsub_timestamp": 1795211229.5, "pubsub_topics": ["a", "b"], "pubsub_path": "/a/b", "pubsub_cursor": "x"}, "private": false}"#,
            "\n{torn\n"
        ),
    );
    let gateway = stored(false).start_in(folder).await.expect("it starts");
    let lines = past(&gateway, "X-Fetch-Since: 1795211229\r\n").await;
    assert_eq!(lines.len(), 1);
    let start = r#"{"n": 1, "pubsub_timestamp": 1795211229.5, "pubsub_topics": ["a", "b"], "pubsub_path": "/a/b", "pubsub_cursor": ""#;
    assert!(lines[0].starts_with(start), "{}", lines[0]);
    publish(&gateway, 2..3).await;
    assert_eq!(numbers(&past(&gateway, &after(&lines[0])).await), [2]);
}

#[tokio::test]
async fn a_backlog_in_a_folder_that_is_not_there_is_an_error_with_its_name() {
    let config = Config::server("  backlog: {size: 100, storage: DIR/none/backlog}");
    let error = config
        .start_in(Folder::new())
        .await
        .err()
        .expect("there is no such folder");
    let text = error.to_string();
    assert!(
        text.starts_with("cannot open the backlog /") && text.ends_with("/none/backlog"),
        "{text}"
    );
}
