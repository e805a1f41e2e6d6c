//! What clients may send, put together at random from parts that mean something: the gateway lives, and never says that it is
//! its own fault.
//!
//! `PROPTEST_CASES` in the environment says how many are tried.

use proptest::prelude::{ProptestConfig, Strategy, any, prop, proptest};
use tokio::{net::TcpStream, runtime::Runtime, sync::Mutex};

use crate::kit::{Answer, Config, Gateway, Raw, connect};

/// So many cases, unless the environment asks for others.
fn cases(count: u32) -> ProptestConfig {
    if std::env::var_os("PROPTEST_CASES").is_some() {
        ProptestConfig::default()
    } else {
        ProptestConfig::with_cases(count)
    }
}

/// A gateway, and a connection on which whole requests are answered.
struct Asked {
    runtime: Runtime,
    gateway: Gateway,
    raw: Mutex<Raw<TcpStream>>,
}

impl Asked {
    fn start() -> Self {
        let runtime = Runtime::new().expect("there is room for threads");
        let config = Config::server("  backlog: {size: 10}")
            .clients("  payloaders: [127.0.0.1]\n  secure_topics: [secure]")
            .acl("a: {password: b, acl: {s: [x]}, topics: [secure]}");
        let gateway = runtime.block_on(config.start());
        let raw = Mutex::new(runtime.block_on(gateway.connect()));
        Self {
            runtime,
            gateway,
            raw,
        }
    }

    /// One answer to one request.
    fn ask(&self, request: &[u8]) -> Answer {
        self.runtime.block_on(async {
            let mut raw = self.raw.lock().await;
            raw.send(request).await;
            let answer = raw.answer().await;
            if answer.head.contains("Connection: close\r\n")
                || answer.head.contains("connection: close\r\n")
            {
                *raw = self.gateway.connect().await;
            }
            answer
        })
    }
}

fn parts(parts: &'static [&'static [u8]], length: usize) -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(parts).prop_map(<[u8]>::to_vec);
    let any_bytes = prop::collection::vec(any::<u8>(), 0..4);
    let part = proptest::prop_oneof![9 => part, 1 => any_bytes];
    prop::collection::vec(part, 0..length).prop_map(|parts| parts.concat())
}

const JSON: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\"a\"",
    b"\"a\": ",
    b"{\"a\": 1}",
    b"\\",
    b"\\ud800",
    b"\\u0041",
    b"\xff",
    b"\xc3\xa9",
    b"\xed\xa0\x80",
    b"1e400",
    b"NaN",
    b"-Infinity",
    b"-0",
    b"1",
    b"00",
    b".5",
    b"e",
    b"null",
    b"true",
    b" ",
    b"\n",
    b"\0",
    b"\xef\xbb\xbf",
    b"\"pubsub_cursor\": 1",
    b"\"stillalive\"",
    b"[[[[[[[[[[[[[[[[[[[[",
    b"99999999999999999999999999999",
];

#[test]
fn no_body_breaks_the_gateway() {
    let asked = Asked::start();
    proptest!(cases(1500), |(body in parts(JSON, 20), charset in prop::sample::select(vec!["", "; charset=latin-1", "; charset=utf-8", "; charset=x", "; charset="]))| {
        let head = format!("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json{charset}\r\nContent-Length: {}\r\n\r\n", body.len());
        let answer = asked.ask(&[head.into_bytes(), body].concat());
        proptest::prop_assert!(matches!(answer.status(), 202 | 400), "{answer:?}");
    });
}

const LOGINS: &[&[u8]] = &[
    b"Basic ",
    b"basic ",
    b"Bearer ",
    b"Digest ",
    b"YTpi",
    b"YTpiOmM=",
    b"YT",
    b"=",
    b"==",
    b"/",
    b"+",
    b"_",
    b":",
    b" ",
    b"\t",
    b"\xff",
    b"\xc3\xa9",
    b"Og==",
    b"gA==",
    b",",
    b"\"",
    b"YWRtaW46",
];

#[test]
fn no_login_breaks_the_gateway() {
    let asked = Asked::start();
    proptest!(cases(1500), |(login in parts(LOGINS, 8))| {
        let login: Vec<u8> = login.into_iter().filter(|byte| *byte == b'\t' || b' ' <= *byte && *byte != 0x7f).collect();
        let head = b"PUT /secure HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nAuthorization: ";
        let answer = asked.ask(&[&head[..], &login, b"\r\n\r\n{}"].concat());
        proptest::prop_assert!(matches!(answer.status(), 202 | 403), "{answer:?}");
    });
}

const TARGETS: &[&[u8]] = &[
    b"/",
    b"/",
    b"/",
    b"a",
    b"private",
    b"secure",
    b"%",
    b"%2F",
    b"%2C",
    b"%00",
    b"%0a",
    b"%C3%A9",
    b"%C3",
    b"%25",
    b"%70rivate",
    b"Private",
    b",",
    b".",
    b"..",
    b"?",
    b"#",
    b"&",
    b"=",
    b"_bus",
    b"_bus/events",
    b"since",
    b"where",
    b"where=a:",
    b"since=",
    b"latest",
    b"-1",
    b"http://h",
    b"*",
    b"@",
    b":",
    b";",
    b"~",
    b"\\",
];

#[test]
fn no_path_and_no_query_breaks_the_gateway() {
    let asked = Asked::start();
    proptest!(cases(1500), |(target in parts(TARGETS, 12), method in prop::sample::select(vec!["PUT", "POST", "OPTIONS", "DELETE"]))| {
        let target: Vec<u8> = target.into_iter().filter(|byte| b' ' < *byte && *byte != 0x7f).collect();
        let head = [method.as_bytes(), b" /", &target, b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"].concat();
        let answer = asked.ask(&head);
        proptest::prop_assert!(matches!(answer.status(), 202 | 204 | 400 | 403), "{answer:?}");
    });
}

/// What is asked of a stream is asked anew each time: the connection is the stream's from then on.
#[test]
fn no_stream_that_is_asked_for_breaks_the_gateway() {
    let asked = Asked::start();
    let address = asked.gateway.server.address();
    proptest!(cases(200), |(target in parts(TARGETS, 12), since in parts(TARGETS, 3))| {
        let bytes = |bytes: Vec<u8>, first: u8| -> Vec<u8> { bytes.into_iter().filter(|byte| first <= *byte && *byte != 0x7f).collect() };
        let (target, since) = (bytes(target, b'!'), bytes(since, b' '));
        let head = [b"GET /_bus/events/", &target[..], b" HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ", &since, b"\r\nX-Fetch-Since: ", &since, b"\r\n\r\n"].concat();
        let answer = asked.runtime.block_on(async {
            let mut raw = connect(address).await;
            raw.send(&head).await;
            raw.head().await
        });
        let status = answer.get(9..12).unwrap_or_default();
        proptest::prop_assert!(matches!(status, "200" | "400"), "{answer}");
    });
}

/// What a client may send, in parts that mean something.
fn requests() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "GET ",
        "PUT ",
        "/",
        "/private",
        "%",
        "%2F",
        "%C3",
        ",",
        "a",
        " HTTP/1.1\r\n",
        "Host: x\r\n",
        "Content-Length: 2\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Authorization: Basic ",
        "YTpi",
        "=",
        "\r\n",
        "\r\n\r\n",
        "{}",
        "{\"a\":",
        "[",
        "\u{e9}",
        "\0",
        "X-Fetch-Since: 1\r\n",
        "2\r\n",
        "0\r\n\r\n",
        "Expect: 100-continue\r\n",
    ]);
    let parts = prop::collection::vec(part, 1..30);
    parts.prop_map(|parts| parts.concat().into_bytes())
}

/// Requests that are none, too.
#[test]
fn no_request_breaks_the_gateway() {
    let runtime = Runtime::new().expect("there is room for threads");
    let gateway = runtime.block_on(Gateway::start());
    let address = gateway.server.address();
    proptest!(cases(400), |(request in requests())| {
        let answer = runtime.block_on(async {
            let mut raw = connect(address).await;
            raw.try_send(&request).await;
            raw.try_send("\r\n\r\n").await;
            raw.first_answers().await
        });
        proptest::prop_assert!(!answer.contains("HTTP/1.1 5"), "{answer}");
    });
    assert_eq!(runtime.block_on(gateway.put("/a", "{}")), 202);
}

/// What paths are made of: the word that matters, whole and in parts, and all that could hide it.
const PRIVATE: [&str; 30] = [
    "/",
    "/",
    "/",
    "/",
    "private",
    "private",
    "Private",
    "PRIVATE",
    "pRiVaTe",
    "%70rivate",
    "%50RIVATE",
    "priv",
    "ate",
    "%61te",
    "%2F",
    "%2f",
    "%252F",
    "%2C",
    ",",
    "%20",
    "%00",
    "%C4%B1",
    "%EF%BC%B0",
    "%E2%80%8B",
    ".",
    "..",
    "git",
    "x",
    "%25",
    "%2570rivate",
];

/// `PATHS_COUNT` in the environment says how many are tried.
#[tokio::test(flavor = "multi_thread")]
async fn no_anonymous_stream_carries_what_looks_private() {
    const TOGETHER: u32 = 100;
    let count =
        std::env::var("PATHS_COUNT").map_or(20_000, |count| count.parse().expect("a number"));
    let gateway = Gateway::start().await;
    let mut stream = gateway.subscribe("/").await;
    let mut publisher = gateway.connect().await;
    let mut random = 1_u64;
    let mut below = |end: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % end
    };
    let (mut accepted, mut refused, mut public) = (0_u32, 0_u32, 0_u32);
    for _ in 0..count / TOGETHER {
        let mut requests = String::new();
        for _ in 0..TOGETHER {
            let parts = (0..below(7))
                .map(|_| PRIVATE[below(PRIVATE.len())])
                .collect::<String>();
            requests += &crate::kit::put(&format!("/{parts}"), "{}");
        }
        requests += &crate::kit::put("/mark", "{\"mark\": 1}");
        publisher.send(requests).await;
        for _ in 0..=TOGETHER {
            match publisher.answer().await.status() {
                202 => accepted += 1,
                400 => refused += 1,
                status => panic!("{status}"),
            }
        }
        loop {
            let line = stream.event().await;
            if line.starts_with("{\"mark\": 1, ") {
                break;
            }
            public += 1;
            let event: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
            let topics = event["pubsub_topics"].as_array().expect("a list");
            let is_private = |topic: &serde_json::Value| {
                topic.as_str().expect("a text").to_lowercase() == "private"
            };
            assert!(!topics.iter().any(is_private), "{line}");
        }
    }
    let private = accepted - public - count / TOGETHER;
    println!("{refused} refused, {private} private, {public} public");
    assert!(
        count / 50 < refused.min(private).min(public),
        "{refused} {private} {public}"
    );
}
