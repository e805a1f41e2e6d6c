//! The paths that PyPubSub does not use.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::kit::{Answer, Config, Gateway, Raw, cursor, field, login};

async fn get(gateway: &Gateway, path: &str) -> Answer {
    gateway
        .ask(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
        .await
}

#[tokio::test]
async fn a_gateway_says_that_it_is_well_and_ready() {
    let gateway = Gateway::start().await;
    for (path, body) in [("/_bus/health", "well\n"), ("/_bus/ready", "ready\n")] {
        let answer = get(&gateway, path).await;
        assert_eq!((answer.status(), answer.body.as_str()), (200, body));
    }
    assert_eq!(get(&gateway, "/_bus/other").await.status(), 404);
}

#[tokio::test]
async fn what_happens_is_counted() {
    let gateway = Config::server("  backlog: {size: 2}").start().await;
    let mut stream = gateway.subscribe("/").await;
    for _ in 0..3 {
        assert_eq!(gateway.put("/a", "{}").await, 202);
        stream.event().await;
    }
    let answer = get(&gateway, "/_bus/metrics").await;
    assert!(
        answer
            .head
            .contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{}",
        answer.head
    );
    for line in [
        "# TYPE signal_bus_gateway_requests_total counter",
        "signal_bus_gateway_requests_total 5",
        "signal_bus_gateway_streams 1",
        "signal_bus_gateway_events_total 3",
        "signal_bus_gateway_backlog_events 2",
        "signal_bus_gateway_slow_streams_total 0",
        "signal_bus_gateway_store_failures_total 0",
        "signal_bus_gateway_ldap_failures_total 0",
    ] {
        assert!(
            answer.body.lines().any(|other| other == line),
            "{line}\n{}",
            answer.body
        );
    }
}

/// A stream for a browser, behind its head and its first sign of life.
async fn events(gateway: &Gateway, path: &str, headers: &str) -> Raw<tokio::net::TcpStream> {
    let mut raw = gateway.open(&format!("/_bus/events{path}"), headers).await;
    loop {
        let line = block(&mut raw).await;
        if line == ": still alive\n\n" {
            return raw;
        }
    }
}

/// What is in one chunk.
async fn block(raw: &mut Raw<tokio::net::TcpStream>) -> String {
    let chunk = raw.chunk().await;
    let (_, rest) = chunk.split_once("\r\n").expect("a chunk has a size");
    rest.strip_suffix("\r\n").expect("a chunk ends").to_owned()
}

/// The blocks before the first sign of life.
async fn past(gateway: &Gateway, query: &str, headers: &str) -> Vec<String> {
    let mut raw = gateway
        .open(&format!("/_bus/events/a{query}"), headers)
        .await;
    let mut past = Vec::new();
    loop {
        let block = block(&mut raw).await;
        if block.starts_with(": ") {
            return past;
        }
        past.push(block);
    }
}

const STALE: &str =
    "event: stale\ndata: the event you name is not kept any more; all that is kept follows\n\n";

#[tokio::test]
async fn a_browser_gets_the_same_events_in_its_own_form() {
    let gateway = Gateway::start().await;
    let mut lines = gateway.subscribe("/fruits").await;
    let mut raw = gateway.connect().await;
    raw.send("GET /_bus/events/fruits HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let head = crate::kit::undated(&raw.head().await);
    let expected = "HTTP/1.1 200 OK\r\nServer: PyPubSub/0.7.4\r\nX-Subscribers: 1\r\nX-Requests: 2\r\nContent-Type: text/event-stream\r\n\
                    Transfer-Encoding: chunked\r\nDate: DATE\r\nCache-Control: no-cache\r\nAccess-Control-Allow-Origin: *\r\n\r\n";
    assert_eq!(head, expected);
    assert_eq!(block(&mut raw).await, ": still alive\n\n");
    assert_eq!(gateway.put("/other", "{}").await, 202);
    assert_eq!(gateway.put("/fruits/apples", "{\"a\": 1}").await, 202);
    let line = lines.event().await;
    assert_eq!(
        block(&mut raw).await,
        format!("id: {}\ndata: {line}\n", cursor(&line))
    );
}

#[tokio::test]
async fn a_browser_that_comes_back_goes_on_or_is_told_that_it_cannot() {
    let gateway = Config::server("  backlog: {size: 3}").start().await;
    let mut lines = gateway.subscribe("/a").await;
    let mut all = Vec::new();
    for number in 0..5 {
        assert_eq!(
            gateway.put("/a", &format!("{{\"n\": {number}}}")).await,
            202
        );
        let line = lines.event().await;
        all.push((
            cursor(&line).to_owned(),
            format!("id: {}\ndata: {line}\n", cursor(&line)),
        ));
    }
    let blocks = |from: usize| {
        all[from..]
            .iter()
            .map(|(_, block)| block.clone())
            .collect::<Vec<_>>()
    };
    let after = |place: usize| format!("Last-Event-ID: {}\r\n", all[place].0);
    assert_eq!(past(&gateway, "", "").await, blocks(5));
    assert_eq!(past(&gateway, "?since=latest", "").await, blocks(5));
    assert_eq!(past(&gateway, "", &after(3)).await, blocks(4));
    assert_eq!(past(&gateway, "?since=0", &after(3)).await, blocks(4));
    assert_eq!(
        past(&gateway, &format!("?since={}", all[2].0), "").await,
        blocks(3)
    );
    assert_eq!(past(&gateway, "?since=0", "").await, blocks(2));
    assert_eq!(past(&gateway, "?where=n:4&since=0", "").await, blocks(4));
    let time = field(&all[4].1, "pubsub_timestamp");
    assert_eq!(
        past(&gateway, &format!("?since={time}"), "").await,
        blocks(4)
    );
    assert_eq!(past(&gateway, "?since=0.5", "").await, blocks(2));
    let mut stale = vec![STALE.to_owned()];
    stale.extend(blocks(2));
    for header in [
        &after(0),
        "Last-Event-ID: 7\r\n",
        "Last-Event-ID: 54611994-22c3-4c85-ac2e-d93ff4b0f369\r\n",
    ] {
        assert_eq!(past(&gateway, "", header).await, stale, "{header}");
    }
}

#[tokio::test]
async fn a_filter_lets_pass_what_has_the_value() {
    let config = Config::default().acl("u: {password: p, acl: {s: [git]}}");
    let gateway = config.start().await;
    let mut raw = events(&gateway, "?where=cultivar:macintosh", &login("u", "p")).await;
    for (path, body) in [
        ("/a", "{\"cultivar\": \"gala\"}"),
        ("/a", "{}"),
        ("/private/svn", "{\"cultivar\": \"macintosh\", \"n\": 1}"),
        ("/private/git", "{\"cultivar\": \"macintosh\", \"n\": 2}"),
    ] {
        assert_eq!(gateway.put(path, body).await, 202);
    }
    assert!(block(&mut raw).await.contains("\"n\": 2"));
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused_with_what_was_expected() {
    let gateway = Gateway::start().await;
    for (query, expected) in [
        (
            "?since=yesterday",
            "`since` expects `latest`, a cursor, or seconds since 1970, not `yesterday`\n",
        ),
        (
            "?since=inf",
            "`since` expects `latest`, a cursor, or seconds since 1970, not `inf`\n",
        ),
        (
            "?since=NaN",
            "`since` expects `latest`, a cursor, or seconds since 1970, not `NaN`\n",
        ),
        (
            "?where=apples",
            "`where` expects `field:value`, not `apples`\n",
        ),
        (
            "?where=a:1&where=b:2",
            "`where` stands twice, expected one `field:value`\n",
        ),
        (
            "?since=0&since=latest",
            "`since` stands twice, expected one\n",
        ),
        ("?limit=5", "there is no `limit`, but `since` and `where`\n"),
    ] {
        let answer = get(&gateway, &format!("/_bus/events/a{query}")).await;
        assert_eq!((answer.status(), answer.body.as_str()), (400, expected));
    }
}

#[tokio::test]
async fn a_browser_of_another_origin_may_ask() {
    let gateway = Gateway::start().await;
    let answer = gateway
        .ask("OPTIONS /_bus/events/a HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\n\r\n")
        .await;
    assert_eq!(answer.status(), 204);
    for line in [
        "Access-Control-Allow-Origin: *",
        "Access-Control-Allow-Methods: GET",
        "Access-Control-Allow-Headers: Authorization, Last-Event-ID",
    ] {
        assert!(
            answer.head.contains(&format!("{line}\r\n")),
            "{}",
            answer.head
        );
    }
}

/// What it may ask, it may read.
#[tokio::test]
async fn a_browser_of_another_origin_may_read() {
    let gateway = Gateway::start().await;
    for path in [
        "/_bus/health",
        "/_bus/ready",
        "/_bus/metrics",
        "/_bus/other",
        "/_bus/events?since=x",
        "/_bus/events",
    ] {
        let mut raw = gateway.connect().await;
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        let head = raw.head().await;
        let may_read = head.contains("\r\nAccess-Control-Allow-Origin: *\r\n");
        assert!(may_read, "{path}: {head}");
    }
}

/// The text format of Prometheus, version 0.0.4.
#[tokio::test]
async fn what_is_counted_is_written_as_prometheus_reads_it() {
    let gateway = Gateway::start().await;
    let text = get(&gateway, "/_bus/metrics").await.body;
    assert!(text.ends_with('\n') && text.is_ascii());
    let mut names = std::collections::HashSet::new();
    let lines: Vec<_> = text.lines().collect();
    for group in lines.chunks(3) {
        let [help, kind, sample] = group else {
            panic!("{group:?}");
        };
        let (name, value) = sample.split_once(' ').expect("a name and a value");
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(name.chars().all(is_name) && names.insert(name), "{name}");
        assert!(value.parse::<u64>().is_ok(), "{sample}");
        let said = help.strip_prefix(&format!("# HELP {name} "));
        assert!(said.is_some_and(|said| !said.contains('\\')), "{help}");
        let counts = name.ends_with("_total");
        let kinds = if counts { "counter" } else { "gauge" };
        assert_eq!(*kind, format!("# TYPE {name} {kinds}"));
    }
    assert!(8 < names.len());
}

/// A WebSocket, opened by somebody else's client.
async fn socket(
    gateway: &Gateway,
    path: &str,
) -> tokio_tungstenite::WebSocketStream<tokio::net::TcpStream> {
    let address = gateway.server.address();
    let stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("somebody listens");
    let opened =
        tokio_tungstenite::client_async(format!("ws://{address}/_bus/events{path}"), stream).await;
    opened.expect("the handshake is right").0
}

/// The next text.
async fn text(socket: &mut tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>) -> String {
    loop {
        match socket
            .next()
            .await
            .expect("it goes on")
            .expect("it is whole")
        {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_websocket_gets_a_text_for_each_event_and_is_closed_at_the_end() {
    let gateway = Config::server("  backlog: {size: 10}").start().await;
    let mut lines = gateway.subscribe("/a").await;
    let mut all = Vec::new();
    for number in 0..3 {
        assert_eq!(
            gateway.put("/a", &format!("{{\"n\": {number}}}")).await,
            202
        );
        all.push(lines.event().await.trim_end().to_owned());
    }
    let mut late = socket(&gateway, &format!("/a?since={}", cursor(&all[0]))).await;
    let mut stale = socket(&gateway, "/a?since=54611994-22c3-4c85-ac2e-d93ff4b0f369").await;
    assert_eq!(text(&mut stale).await, "{\"pubsub_stale\": true}");
    for expected in &all {
        assert_eq!(text(&mut stale).await, *expected);
    }
    assert_eq!(gateway.put("/a", "{\"n\": 3}").await, 202);
    all.push(lines.event().await.trim_end().to_owned());
    for expected in &all[1..] {
        assert_eq!(text(&mut late).await, *expected);
    }
    late.send(Message::text("whatever"))
        .await
        .expect("it is read");
    late.send(Message::Ping("x".into()))
        .await
        .expect("it is read");
    let pong = loop {
        match late.next().await.expect("it goes on").expect("it is whole") {
            Message::Pong(pong) => break pong,
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(&pong[..], b"x");
    gateway.server.stop().await;
    loop {
        match stale
            .next()
            .await
            .expect("it is closed first")
            .expect("it is whole")
        {
            Message::Close(Some(frame)) => {
                assert_eq!(
                    (u16::from(frame.code), &*frame.reason),
                    (1001, "the gateway stops")
                );
                return;
            }
            other => assert!(!matches!(other, Message::Close(_)), "{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_websocket_that_is_asked_for_wrongly_is_refused() {
    let gateway = Gateway::start().await;
    for (header, expected) in [
        ("", "expected `Sec-WebSocket-Version: 13`\n"),
        (
            "Sec-WebSocket-Version: 13\r\n",
            "expected a `Sec-WebSocket-Key` of 24 letters\n",
        ),
    ] {
        let answer = gateway.ask(format!("GET /_bus/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{header}\r\n")).await;
        assert_eq!((answer.status(), answer.body.as_str()), (400, expected));
    }
}

/// A frame of a client, with a mask of zeros.
fn frame(first: u8, length: u64, said: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0xff];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(said);
    frame
}

#[tokio::test]
async fn a_websocket_on_which_too_much_or_nonsense_is_said_is_ended() {
    let gateway = Gateway::start().await;
    let mut other = socket(&gateway, "/a").await;
    let long = [b'x'; 5000];
    for said in [
        b"\x81\x02hi".to_vec(),
        frame(0x81, 1 << 62, b""),
        frame(0x81, 5000, &long),
        [
            frame(0x01, 3000, &long[..3000]),
            frame(0x80, 3000, &long[..3000]),
        ]
        .concat(),
        frame(0x83, 0, b""),
        frame(0x80, 1, b"x"),
        frame(0x81, 1, b"\xff"),
        frame(0x89, 126, &long[..126]),
        b"\x88\x81\0\0\0\0x".to_vec(),
    ] {
        let mut raw = gateway.connect().await;
        raw.send("GET /_bus/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        raw.try_send(&said).await;
        raw.rest().await;
    }
    assert_eq!(gateway.put("/a", "{\"n\": 1}").await, 202);
    assert!(text(&mut other).await.starts_with("{\"n\": 1, "));
}
