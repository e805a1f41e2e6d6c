//! The wire, byte for byte: the transcripts of the original.

use crate::kit::{Answer, Config, Gateway, assert_ping, cursor, field, put, undated};

const RECEIVED: &str = "Payload received, thank you very much!\n";
const BAD_REQUEST: &str = "I could not understand your request, sorry! Please see https://pubsub.apache.org/api.html for usage documentation.\n";
const BAD_PAYLOAD: &str = "Bad payload type. Payloads must be JSON dictionary objects, {..}!\n";
const TOO_LARGE: &str = "Payload is too large for me to serve, please make it shorter.\n";
const NOT_ALLOWED: &str = "You are not authorized to deliver payloads!\n";

fn plain(status: &str, subscribers: u32, requests: u32, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nServer: PyPubSub/0.7.4\r\nX-Subscribers: {subscribers}\r\nX-Requests: {requests}\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nDate: DATE\r\n\r\n{body}"
    )
}

fn closing(answer: &str) -> String {
    answer.replacen("Date: DATE\r\n", "Date: DATE\r\nConnection: close\r\n", 1)
}

#[tokio::test]
async fn a_head_is_answered_without_a_body() {
    let gateway = Gateway::start().await;
    let head = |requests| {
        format!(
            "HTTP/1.1 204 No Content\r\nServer: PyPubSub/0.7.4\r\nX-Subscribers: 0\r\nX-Requests: {requests}\r\n\
             Content-Type: text/plain; charset=utf-8\r\nDate: DATE\r\n\r\n"
        )
    };
    assert_eq!(
        gateway
            .ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .bytes(),
        head(1)
    );
    assert_eq!(
        gateway
            .ask("HEAD //a/b?x HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .bytes(),
        head(2)
    );
    let mut raw = gateway.connect().await;
    raw.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(undated(&raw.rest().await), closing(&head(3)));
}

#[tokio::test]
async fn an_event_travels_as_in_the_original() {
    let gateway = Gateway::start().await;
    let mut stream = gateway.connect().await;
    stream
        .send("GET /fruits/apples HTTP/1.1\r\nHost: 127.0.0.1:22069\r\n\r\n")
        .await;
    let head = "HTTP/1.1 200 OK\r\nServer: PyPubSub/0.7.4\r\nX-Subscribers: 0\r\nX-Requests: 1\r\n\
                Content-Type: application/vnd.pypubsub-stream\r\nTransfer-Encoding: chunked\r\nDate: DATE\r\n\r\n";
    assert_eq!(undated(&stream.head().await), head);
    let ping = stream.chunk().await;
    assert_ping(ping.split("\r\n").nth(1).expect("a chunk has a line"));
    let published = gateway
        .ask(put(
            "/fruits/apples",
            "{\"text\": \"Apples are delicious\"}",
        ))
        .await;
    assert_eq!(published.bytes(), plain("202 Accepted", 1, 2, RECEIVED));
    let chunk = stream.chunk().await;
    let line = format!(
        "{{\"text\": \"Apples are delicious\", \"pubsub_timestamp\": {}, \"pubsub_topics\": [\"fruits\", \"apples\"], \
         \"pubsub_path\": \"/fruits/apples\", \"pubsub_cursor\": \"{}\"}}\n",
        field(&chunk, "pubsub_timestamp"),
        cursor(&chunk)
    );
    assert_eq!(chunk, format!("{:x}\r\n{line}\r\n", line.len()));
    assert_eq!(cursor(&chunk).len(), 36);
    let timestamp: f64 = field(&chunk, "pubsub_timestamp").parse().expect("a number");
    assert!(1.7e9 < timestamp, "{timestamp}");
}

#[tokio::test]
async fn a_stream_that_closes_says_so_in_its_head() {
    let gateway = Gateway::start().await;
    let mut stream = gateway.connect().await;
    stream
        .send("GET / HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n")
        .await;
    let head = undated(&stream.head().await);
    assert!(
        head.ends_with("Transfer-Encoding: chunked\r\nDate: DATE\r\nConnection: close\r\n\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn what_is_no_payload_is_refused_in_the_words_of_the_original() {
    let gateway = Gateway::start().await;
    for body in [
        "hello",
        "{'a': 1}",
        "{\"t\":1}x",
        "  ",
        "\u{feff}{\"b\":1}",
        "{\"a\": NaN}",
        "{\"a\": 1e400}",
    ] {
        let answer = gateway.ask(put("/x", body)).await;
        assert_eq!(
            (answer.status(), answer.body.as_str()),
            (400, BAD_REQUEST),
            "{body}"
        );
    }
    for body in ["[1, 2]", "\"s\"", "5", "null"] {
        let answer = gateway.ask(put("/x", body)).await;
        assert_eq!(
            (answer.status(), answer.body.as_str()),
            (400, BAD_PAYLOAD),
            "{body}"
        );
    }
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert_eq!(gateway.put("/x", &deep).await, 400);
}

/// The original answers these with 500.
#[tokio::test]
async fn what_breaks_the_original_is_a_bad_request() {
    let gateway = Gateway::start().await;
    for request in [
        &b"PUT /x HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n\xff",
        b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Type: text/x; charset=klingon\r\nContent-Length: 2\r\n\r\n{}",
    ] {
        let answer = gateway.ask(request).await;
        assert_eq!((answer.status(), answer.body.as_str()), (400, BAD_REQUEST), "{}", String::from_utf8_lossy(request));
    }
}

#[tokio::test]
async fn charsets_are_honoured() {
    let gateway = Gateway::start().await;
    let mut stream = gateway.subscribe("/").await;
    let mut raw = gateway.connect().await;
    for (charset, body) in [
        (
            "application/json; charset=latin-1",
            &b"{\"a\": \"\xe9\"}"[..],
        ),
        (
            "text/plain; x=y; CharSet=\"ISO_8859-1\"",
            b"{\"a\": \"\xe9\"}",
        ),
        (
            "application/x-www-form-urlencoded",
            b"{\"a\": \"\xc3\xa9\"}",
        ),
        ("application/json; charset=UTF8", b"{\"a\": \"\xc3\xa9\"}"),
    ] {
        let head = format!(
            "POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: {charset}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        raw.send(head).await;
        raw.send(body).await;
        assert_eq!(raw.answer().await.status(), 202, "{charset}");
        assert_eq!(
            field(&stream.event().await, "a"),
            "\"\\u00e9\"",
            "{charset}"
        );
    }
}

#[tokio::test]
async fn who_may_not_publish_is_told_so_before_the_body() {
    let gateway = Config::default()
        .clients("  payloaders: [10.0.0.0/8]")
        .start()
        .await;
    let mut raw = gateway.connect().await;
    raw.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
        .await;
    assert_eq!(
        raw.answer().await.bytes(),
        plain("403 Forbidden", 0, 1, NOT_ALLOWED)
    );
    raw.send("not json").await;
    raw.send(put("/x", "not json")).await;
    assert_eq!(
        raw.answer().await.bytes(),
        plain("403 Forbidden", 0, 2, NOT_ALLOWED)
    );
}

#[tokio::test]
async fn other_methods_are_not_understood() {
    let gateway = Gateway::start().await;
    for (number, request) in [
        "OPTIONS *",
        "OPTIONS /x",
        "DELETE /x",
        "PATCH /x",
        "TRACE /x",
        "CONNECT a:80",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = gateway
            .ask(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        let number = u32::try_from(number).expect("few") + 1;
        assert_eq!(
            answer.bytes(),
            plain("400 Bad Request", 0, number, BAD_REQUEST),
            "{request}"
        );
    }
}

#[tokio::test]
async fn what_the_original_closes_on_is_closed_on() {
    let gateway = Gateway::start().await;
    for request in [
        "FOO /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "PUT abc HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        "PUT * HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        "PUT /a b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        "GET /\u{e9} HTTP/1.1\r\nHost: x\r\n\r\n",
        "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\n{}",
        "HEAD /a HTTP/1.1\nHost: x\n\n",
        "HEAD /a HTTP/1.1\nHost: x\r\n\r\n",
        "HEAD /a HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
        "HEAD /a HTTP/1.1\r\nHost: x\r\n\n",
        "HEAD /a HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}",
        "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n{}",
        "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "not http at all\r\n\r\n",
    ] {
        let mut raw = gateway.connect().await;
        raw.send(request).await;
        // What follows must not be taken for a request.
        raw.try_send("PUT /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            .await;
        let answers = raw.rest().await;
        assert!(
            answers.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{request}: {answers}"
        );
        assert_eq!(
            answers.matches("HTTP/1.1 ").count(),
            1,
            "{request}: {answers}"
        );
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(8190));
    assert_eq!(gateway.ask(long).await.status(), 400);
    let head = format!(
        "HEAD / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n",
        "a".repeat(40_000)
    );
    assert_eq!(gateway.ask(head).await.status(), 431);
}

#[tokio::test]
async fn old_http_gets_what_the_original_gives_it() {
    let gateway = Gateway::start().await;
    let whole = async |request: &str| {
        let mut raw = gateway.connect().await;
        raw.send(request).await;
        undated(&raw.rest().await)
    };
    let head = "HTTP/1.0 200 OK\r\nServer: PyPubSub/0.7.4\r\nX-Subscribers: 0\r\nX-Requests: 1\r\n\
                Content-Type: application/octet-stream\r\nDate: DATE\r\n\r\n";
    assert_eq!(whole("GET / HTTP/1.0\r\n\r\n").await, head);
    let published = plain("202 Accepted", 0, 2, RECEIVED).replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(
        whole("PUT /a HTTP/1.0\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}").await,
        published
    );
    let kept = "PUT /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}";
    let answer = gateway.ask(kept).await.bytes();
    assert!(
        answer.contains("Date: DATE\r\nConnection: keep-alive\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn requests_in_one_piece_are_answered_in_their_order() {
    let gateway = Gateway::start().await;
    let mut raw = gateway.connect().await;
    let row = [
        put("/a", "{}"),
        put("/a", "x"),
        put("/a", "[]"),
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
    ];
    raw.send(row.concat()).await;
    for (number, (status, body)) in [
        ("202 Accepted", RECEIVED),
        ("400 Bad Request", BAD_REQUEST),
        ("400 Bad Request", BAD_PAYLOAD),
    ]
    .into_iter()
    .enumerate()
    {
        let number = u32::try_from(number).expect("few") + 1;
        assert_eq!(raw.answer().await.bytes(), plain(status, 0, number, body));
    }
    assert!(raw.head().await.contains("X-Requests: 4\r\n"));
    assert_ping(&raw.line().await);
}

#[tokio::test]
async fn a_payload_that_says_it_is_too_large_is_refused_at_once_and_the_connection_goes_on() {
    let gateway = Gateway::start().await;
    let mut raw = gateway.connect().await;
    raw.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 102401\r\n\r\n")
        .await;
    assert_eq!(
        raw.answer().await.bytes(),
        plain("400 Bad Request", 0, 1, TOO_LARGE)
    );
    raw.send("x".repeat(102_401)).await;
    let largest = format!("{{\"a\": \"{}\"}}", "x".repeat(102_400 - 9));
    raw.send(put("/x", &largest)).await;
    assert_eq!(
        raw.answer().await.bytes(),
        plain("202 Accepted", 0, 2, RECEIVED)
    );
}

fn chunked(body: &str) -> String {
    let chunks = body.as_bytes().chunks(10_000).map(|chunk| {
        let text = std::str::from_utf8(chunk).expect("it is ASCII");
        format!("{:x}\r\n{text}\r\n", chunk.len())
    });
    let chunks: String = chunks.collect();
    format!("PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
}

/// The original looks at the length only if it is told.
#[tokio::test]
async fn a_payload_in_chunks_is_limited_as_well() {
    let gateway = Gateway::start().await;
    let mut raw = gateway.connect().await;
    let of = |length: usize| chunked(&format!("{{\"a\": \"{}\"}}", "x".repeat(length - 9)));
    raw.send(of(102_400)).await;
    assert_eq!(raw.answer().await.status(), 202);
    raw.send(of(200_009)).await;
    assert_eq!(
        raw.answer().await.bytes(),
        plain("400 Bad Request", 0, 2, TOO_LARGE)
    );
    raw.send(of(5000)).await;
    assert_eq!(raw.answer().await.status(), 202);
}

#[tokio::test]
async fn who_waits_for_leave_to_send_a_body_gets_it() {
    let gateway = Gateway::start().await;
    let mut raw = gateway.connect().await;
    raw.send("PUT /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    assert_eq!(raw.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("{}").await;
    assert_eq!(raw.answer().await.status(), 202);
    raw.send(
        "PUT /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 200000\r\n\r\n",
    )
    .await;
    assert_eq!(raw.answer().await.status(), 400);
}

#[tokio::test]
async fn old_clients_get_a_terminator_in_each_chunk() {
    let gateway = Config::default()
        .clients("  payloaders: [127.0.0.1]\n  oldschoolers: [svnwcsub]")
        .start()
        .await;
    let mut old = gateway.open("/", "User-Agent: x-svnwcsub/1\r\n").await;
    let mut new = gateway.subscribe_with("/", "User-Agent: curl\r\n").await;
    let ping = old.line().await;
    assert_ping(ping.strip_suffix('\0').expect("it is terminated"));
    assert_eq!(gateway.put("/a", "{}").await, 202);
    let line = new.line().await;
    assert_eq!(old.line().await, format!("{line}\0"));
}

#[tokio::test]
async fn a_ping_published_by_somebody_is_an_event() {
    let gateway = Gateway::start().await;
    let mut stream = gateway.subscribe("/").await;
    assert_eq!(gateway.put("/a", "{\"stillalive\": 1}").await, 202);
    assert!(
        stream
            .line()
            .await
            .starts_with("{\"stillalive\": 1, \"pubsub_timestamp\": ")
    );
}

/// In real time: the sockets are real.
#[tokio::test]
async fn a_stream_shows_that_it_lives_every_five_seconds_also_while_events_flow() {
    let gateway = Gateway::start().await;
    let mut stream = gateway.open("/", "").await;
    let time = |line: &str| field(line, "stillalive").parse::<f64>().expect("a time");
    let first = time(&stream.line().await);
    loop {
        assert_eq!(gateway.put("/a", "{}").await, 202);
        let line = stream.line().await;
        if line.starts_with("{\"stillalive\"") {
            let period = time(&line) - first;
            assert!((4.9..10.0).contains(&period), "{period}");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn streams_that_have_ended_are_not_counted() {
    let gateway = Gateway::start().await;
    let stream = gateway.subscribe("/").await;
    let count = async || {
        let answer: Answer = gateway.ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        answer.head.contains("X-Subscribers: 1\r\n")
    };
    assert!(count().await);
    drop(stream);
    while count().await {}
}

/// The original's HTTP server refuses it, others believe the chunks; nobody may go on behind it.
#[tokio::test]
async fn a_length_that_is_said_twice_ends_the_connection_also_where_pypubsub_is_followed() {
    let gateway = Config::default().upstream().start().await;
    let mut raw = gateway.connect().await;
    raw.send("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").await;
    raw.try_send(put("/smuggled", "{}")).await;
    let answers = raw.rest().await;
    assert!(
        answers.starts_with("HTTP/1.1 202 Accepted\r\n"),
        "{answers}"
    );
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
}

#[tokio::test]
async fn a_length_that_is_said_twice_is_refused_wherever_it_hides() {
    let gateway = Gateway::start().await;
    let zeros = "0".repeat(70);
    for first in [
        format!("Content-Length: {zeros}2\r\n\r\n{{}}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{zeros}6\r\n{{}}\r\n\r\n\r\n0\r\n\r\n"),
    ] {
        let mut raw = gateway.connect().await;
        raw.send(format!("PUT /a HTTP/1.1\r\nHost: x\r\n{first}"))
            .await;
        assert_eq!(raw.answer().await.status(), 202, "{first}");
        raw.try_send("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").await;
        let answer = raw.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{first}: {answer}");
    }
}

/// What is packed in another way would be read as if it were not.
#[tokio::test]
async fn bodies_that_come_in_other_ways_than_chunks_are_refused() {
    let gateway = Gateway::start().await;
    let chunks = "2\r\n{}\r\n0\r\n\r\n";
    for (encoding, status) in [
        ("Transfer-Encoding: Chunked", 202),
        ("Transfer-Encoding: gzip, chunked", 400),
        ("Transfer-Encoding: chunked, chunked", 400),
        (
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
            400,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            400,
        ),
    ] {
        let answer = gateway
            .ask(format!(
                "PUT /a HTTP/1.1\r\nHost: x\r\n{encoding}\r\n\r\n{chunks}"
            ))
            .await;
        assert_eq!(answer.status(), status, "{encoding}");
        let is_closed = answer.head.contains("Connection: close\r\n");
        assert_eq!(is_closed, status == 400, "{encoding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_get_every_event_in_order() {
    const STREAMS: u32 = 200;
    const EVENTS: u32 = 100;
    let gateway = Gateway::start().await;
    let mut streams = Vec::new();
    for number in 0..STREAMS {
        streams.push(gateway.subscribe(&format!("/t{}", number % 10)).await);
    }
    let all: String = (0..10).map(|number| format!("/t{number}")).collect();
    let mut publisher = gateway.connect().await;
    for number in 0..EVENTS {
        publisher
            .send(put(&all, &format!("{{\"n\": {number}}}")))
            .await;
        assert_eq!(publisher.answer().await.status(), 202);
    }
    for stream in &mut streams {
        for number in 0..EVENTS {
            assert_eq!(field(&stream.event().await, "n"), number.to_string());
        }
    }
}
