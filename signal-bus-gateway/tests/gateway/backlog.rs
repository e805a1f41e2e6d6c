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
    let config = Config::server("  max_payload_size: 200000\n  backlog: {size: 500}");
    let gateway = config.start().await;
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
    // The last line may be cut off; behind the one before, nothing is missing.
    let whole = rest.rsplit('\n').find(|line| line.ends_with("\"}"));
    let whole = whole.expect("one came as a whole");
    let next: u32 = field(whole, "n").parse().expect("a number");
    let mut back = gateway.open("/a", &after(whole)).await;
    for number in next + 1..EVENTS {
        assert_eq!(field(&back.event().await, "n"), number.to_string());
    }
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

/// What the gateway counts under a name.
async fn metric(gateway: &Gateway, name: &str) -> u64 {
    let request = "GET /_bus/metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    let text = gateway.ask(request).await.body;
    let start = format!("signal_bus_gateway_{name} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&start));
    let value = value.and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {text}"))
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
        ("pypubsub", b"{\"timestamp\": 17952".to_vec()),
        ("pypubsub", Vec::new()),
        ("pypubsub", vec![0; 5000]),
    ] {
        let folder = Folder::new();
        std::fs::write(folder.0.join("backlog"), &bytes).expect("there is room for a file");
        let gateway = stored(true).start_in(folder).await.expect("it starts");
        let aside = gateway.folder.0.join(format!("backlog.{name}"));
        assert_eq!(std::fs::read(aside).expect("it was put aside"), bytes);
        let is_broken = u64::from(name == "broken");
        assert_eq!(metric(&gateway, "backlog_put_aside").await, is_broken);
        publish(&gateway, 0..2).await;
        let gateway = restarted(gateway, stored(true)).await;
        assert_eq!(
            numbers(&past(&gateway, "X-Fetch-Since: 0\r\n").await),
            [0, 1]
        );
    }
}

#[tokio::test]
async fn a_torn_event_is_left_out_and_counted() {
    let gateway = stored(true).start().await;
    publish(&gateway, 0..3).await;
    assert_eq!(metric(&gateway, "backlog_torn_events").await, 0);
    let Gateway { server, folder } = gateway;
    server.stop().await;
    let path = folder.0.join("backlog");
    let mut bytes = std::fs::read(&path).expect("it was stored");
    // A page may be there more than once.
    for place in 0..bytes.len() {
        if bytes[place..].starts_with(b"{\"n\": 1,") {
            bytes[place + 6] = b'7';
        }
    }
    std::fs::write(&path, bytes).expect("there is room for a file");
    let gateway = stored(true).start_in(folder).await.expect("it starts");
    assert_eq!(
        numbers(&past(&gateway, "X-Fetch-Since: 0\r\n").await),
        [0, 2]
    );
    assert_eq!(metric(&gateway, "backlog_torn_events").await, 1);
    assert_eq!(metric(&gateway, "backlog_put_aside").await, 0);
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
    assert_eq!(metric(&gateway, "backlog_torn_events").await, 1);
    publish(&gateway, 2..3).await;
    assert_eq!(numbers(&past(&gateway, &after(&lines[0])).await), [2]);
}

/// A file of whole pages that names our tables is not ours for that.
#[tokio::test]
async fn the_backlog_of_pypubsub_is_taken_over_whatever_it_says() {
    let event = r#"{"timestamp": 1.5, "topics": ["a"], "json": {"n": 1, "x": "events, benchmarks"}, "private": false}"#;
    let filling = " ".repeat(4096 - event.len() - 1);
    let folder = Folder::new();
    folder.write("backlog", &format!("{event}{filling}\n"));
    let gateway = stored(false).start_in(folder).await.expect("it starts");
    assert_eq!(numbers(&past(&gateway, "X-Fetch-Since: 0\r\n").await), [1]);
}

/// The error of a start with a backlog of this name, with `DIR` in place of the folder.
async fn refusal(name: &str, folder: Folder) -> String {
    let path = folder.0.display().to_string();
    let lines = format!("  backlog:\n    size: 100\n    storage: DIR/{name}");
    let error = Config::server(&lines).start_in(folder).await.err();
    let text = error.expect("it cannot be used").to_string();
    text.replace(&path, "DIR")
}

#[tokio::test]
async fn a_backlog_that_cannot_be_used_is_named_with_its_line_and_what_to_do() {
    let start = "pypubsub.yaml:6: server.backlog.storage:";
    assert_eq!(
        refusal("none/backlog", Folder::new()).await,
        format!(
            "{start} expected a file in a folder that is there, found DIR/none/backlog; make the folder, or name another file"
        )
    );
    assert_eq!(
        refusal(".", Folder::new()).await,
        format!("{start} expected a file, DIR/. is a folder; name a file in it")
    );
    let folder = Folder::new();
    folder.write("backlog", "");
    assert!(
        refusal("backlog/x", folder)
            .await
            .contains("make the folder")
    );
    let folder = Folder::new();
    let open = Config::server(&format!(
        "  backlog: {{size: 9, storage: {}/backlog}}",
        folder.0.display()
    ));
    let other = open.start().await;
    assert_eq!(
        refusal("backlog", folder).await,
        format!(
            "{start} another process has DIR/backlog open; stop that gateway, or name a file of its own for each"
        )
    );
    drop(other);
}

/// PyPubSub writes over it.
#[tokio::test]
async fn a_file_that_is_no_backlog_is_refused_and_left_alone() {
    for bytes in [
        &b"no json\n"[..],
        b"{\"a\": 1}\n",
        b"server:\n  port: 2069\n",
        b"\x7fELF\x02\x01",
    ] {
        let folder = Folder::new();
        let path = folder.0.join("backlog");
        std::fs::write(&path, bytes).expect("there is room for a file");
        let (setup_folder, lines) = (
            Folder::new(),
            format!("  backlog: {{size: 9, storage: {}}}", path.display()),
        );
        let error = Config::server(&lines).start_in(setup_folder).await.err();
        let text = error.expect("it is refused").to_string();
        assert!(
            text.starts_with("pypubsub.yaml:4: server.backlog.storage: expected a backlog, of a gateway or of PyPubSub, /")
                && text.ends_with("is something else, and stays as it is; name another file"),
            "{text}"
        );
        assert_eq!(std::fs::read(&path).expect("it is there"), bytes);
        assert_eq!(
            std::fs::read_dir(&folder.0).expect("it is there").count(),
            1
        );
    }
}
