//! The same requests to the gateway and to PyPubSub 0.7.4: the same bytes come back, but for deviations that are named here.
//!
//! What the original has answered is recorded in `tests/original/answers.txt`, so that this runs everywhere. With `PYPUBSUB` set to the
//! address of an original that `tests/original/run` has started, it is asked again, and the record is written anew.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr, time::Duration};

use tokio::{net::TcpStream, time::timeout};

use crate::kit::{Config, Raw, connect, login, put, undated};

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/original/answers.txt");
const ACL: &str = include_str!("../original/acl.yaml");

/// The original refuses it, and nothing is read otherwise here than it would be there.
const TAKEN: &str = "taken here";

/// Which requests are answered otherwise, and why.
const DEVIATIONS: [(&str, &str); 60] = [
    ("json NaN", "no JSON"),
    ("json Infinity", "no JSON"),
    ("json -Infinity", "no JSON"),
    ("json 1e400", "would become Infinity"),
    ("json too deep", "the original breaks"),
    ("json too many digits", "the original breaks"),
    ("body none", "the original breaks"),
    ("body empty", "the original breaks"),
    ("body bad utf-8", "the original breaks"),
    ("body bad ascii", "the original breaks"),
    ("body unknown charset", "the original breaks"),
    ("body utf-16", "charsets that are not ASCII's are not taken"),
    ("body gzip", "compressed bodies are not taken"),
    ("body chunked too large", "the limit holds there, too"),
    ("path looks private", "strict"),
    ("path private later", "strict"),
    ("path private in commas", "strict"),
    ("path secure in capitals", "strict"),
    ("path secure in commas", "strict"),
    ("since 0", "the original ends the stream"),
    ("since a word", "the original ends the stream"),
    (
        "method unknown",
        "the original's HTTP server has a page for it",
    ),
    ("host none", "the original's HTTP server has a page for it"),
    ("host two", "the original's HTTP server has a page for it"),
    (
        "target star",
        "the original's HTTP server has a page for it",
    ),
    (
        "target word",
        "the original's HTTP server has a page for it",
    ),
    (
        "target with a space",
        "the original's HTTP server has a page for it",
    ),
    (
        "target not ascii",
        "the original's HTTP server has a page for it",
    ),
    (
        "target too long",
        "the original's HTTP server has a page for it",
    ),
    ("target with a backtick", "no target of HTTP"),
    ("target with an escaped host", "no target of HTTP"),
    (
        "request line with two blanks behind the method",
        "no request line of HTTP",
    ),
    ("http 0.9", "not spoken here"),
    ("http 2.0", "not spoken here"),
    ("http without a version", "not spoken here"),
    ("chunks of old http", "HTTP/1.0 has no chunks"),
    (
        "chunks behind another coding",
        "bodies come in chunks and in nothing else",
    ),
    ("length of 64 bits", "the original breaks"),
    (
        "chunk extension too long",
        "heads and what is like them have 16 KiB",
    ),
    ("head too long", "heads and what is like them have 16 KiB"),
    ("fields too many", "100 fields, not 128"),
    ("gzip that is none", "the original breaks"),
    ("target with a port that is none", TAKEN),
    ("target with a mark behind its host", TAKEN),
    ("chunk size with a blank", TAKEN),
    ("chunk extension empty", TAKEN),
    ("trailer with a length", TAKEN),
    ("field of 9000 bytes", TAKEN),
    ("target with angle brackets", "no target of HTTP"),
    ("target with a quote in its query", "no target of HTTP"),
    ("request line with two blanks", "no request line of HTTP"),
    (
        "method in small letters",
        "the original's HTTP server has a page for it",
    ),
    (
        "length twice",
        "the original's HTTP server has a page for it",
    ),
    (
        "length twice the same",
        "the original's HTTP server has a page for it",
    ),
    (
        "length and chunks",
        "the original's HTTP server has a page for it",
    ),
    (
        "line without return",
        "the original's HTTP server has a page for it",
    ),
    (
        "head without return",
        "the original's HTTP server has a page for it",
    ),
    (
        "length with a sign",
        "the original's HTTP server has a page for it",
    ),
    (
        "length no number",
        "the original's HTTP server has a page for it",
    ),
    ("not http", "the original's HTTP server has a page for it"),
];

/// All requests, each with a name.
fn requests() -> Vec<(String, Vec<u8>)> {
    let mut requests = Vec::new();
    let mut add = |name: String, request: Vec<u8>| requests.push((name, request));
    for path in PATHS {
        add(format!("path {path}"), put(path, "{}").into_bytes());
    }
    for json in JSON {
        add(format!("json {json}"), put("/json", json).into_bytes());
    }
    for (name, inner) in [
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("1e400", "1e400"),
    ] {
        add(
            format!("json {name}"),
            put("/json", &format!("{{\"a\": {inner}}}")).into_bytes(),
        );
    }
    let lists = |depth: usize| format!("{{\"a\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
    add("json deep".into(), put("/json", &lists(400)).into_bytes());
    add(
        "json too deep".into(),
        put("/json", &lists(20_000)).into_bytes(),
    );
    let digits =
        |count: usize| put("/json", &format!("{{\"a\": {}}}", "7".repeat(count))).into_bytes();
    add("json many digits".into(), digits(4300));
    add("json too many digits".into(), digits(4301));
    for (name, path) in [
        ("looks private", "/Private/x"),
        ("private later", "/x/private"),
        ("private in commas", "/a,private"),
        ("secure in capitals", "/SECURE"),
        ("secure in commas", "/a,secure"),
    ] {
        add(format!("path {name}"), put(path, "{}").into_bytes());
    }
    for (name, head, body) in BODIES {
        let length = body.len();
        let mut request =
            format!("PUT /body HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {length}\r\n\r\n")
                .into_bytes();
        request.extend_from_slice(body);
        add(format!("body {name}"), request);
    }
    for (name, request) in HEADS {
        add((*name).to_owned(), request.as_bytes().to_vec());
    }
    let chunk = "x".repeat(110_000);
    let chunked = format!(
        "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1adb9\r\n{{\"a\": \"{chunk}\"}}\r\n0\r\n\r\n"
    );
    add("body chunked too large".into(), chunked.into_bytes());
    add(
        "target too long".into(),
        put(&format!("/{}", "a".repeat(8200)), "{}").into_bytes(),
    );
    requests.extend(long_heads());
    requests.extend(logins());
    requests
}

/// What is about as long as it may be, or longer.
fn long_heads() -> Vec<(String, Vec<u8>)> {
    let with = |fields: &str| put("/a", "{}").replacen("\r\n", &format!("\r\n{fields}"), 1);
    let long = |bytes: usize| format!("X: {}\r\n", "y".repeat(bytes));
    let extension = "a".repeat(20_000);
    let chunked = format!(
        "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;{extension}\r\n{{}}\r\n0\r\n\r\n"
    );
    let requests = [
        ("fields many", with(&"X: y\r\n".repeat(98))),
        ("fields too many", with(&"X: y\r\n".repeat(99))),
        ("field of 8000 bytes", with(&long(8000))),
        ("field of 9000 bytes", with(&long(9000))),
        ("head too long", with(&long(4000).repeat(5))),
        ("chunk extension too long", chunked),
    ];
    let requests = requests.into_iter();
    requests
        .map(|(name, request)| (name.to_owned(), request.into_bytes()))
        .collect()
}

/// Who publishes what is secured, with which login.
fn logins() -> Vec<(String, Vec<u8>)> {
    let mut requests = Vec::new();
    for (user, password) in [
        ("chef", "c"),
        ("baker", "b"),
        ("chef", "wrong"),
        ("nobody", "x"),
        ("broken", "x"),
    ] {
        for path in ["/secure", "/secure/safe", "/private/safe", "/open"] {
            let request =
                put(path, "{}").replacen("\r\n", &format!("\r\n{}", login(user, password)), 1);
            requests.push((
                format!("login {user} {password} {path}"),
                request.into_bytes(),
            ));
        }
    }
    requests
}

const PATHS: [&str; 37] = [
    "/",
    "/a",
    "/a/b",
    "//a/b",
    "/a//b/",
    "/a/../b",
    "/./a",
    "/a%2Fb",
    "/%41pples",
    "/%C3%A9",
    "/%FF",
    "/%zz",
    "/%ff%41",
    "/%C3%41",
    "/%C3%C3%A9",
    "/%E2%82x",
    "/%F0%9F%98%80",
    "/%ED%A0%80",
    "/%C0%AF",
    "/%4",
    "/%",
    "/a%20b",
    "/a%00b",
    "/a%0Ab",
    "/a;b=c",
    "/a+b",
    "/a%2Bb",
    "/a%3Fb",
    "/a%25b",
    "/%2541",
    "/q?x=1",
    "/a#frag",
    "/apples,oranges",
    "/a/a",
    "http://h/abs/uri",
    "/private/git",
    "/secure",
];

const JSON: [&str; 46] = [
    "{}",
    " { } ",
    "[1, 2]",
    "\"s\"",
    "5",
    "null",
    "true",
    "hello",
    "{'a': 1}",
    "{\"t\":1}x",
    "  ",
    "\u{feff}{\"b\":1}",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{\"a\":[1,]}",
    "{\"a\":01}",
    "{\"a\":1.}",
    "{\"a\":-}",
    "{\"a\":\"\n\"}",
    "{\"a\":\"\\x\"}",
    "{\"a\": 1, \"b\": 2, \"a\": 3}",
    "{\"o\": {\"k\": 1, \"j\": [0], \"k\": {\"z\": 1, \"z\": 2}}}",
    "{\"\\u0061\": 1, \"a\": 2}",
    "{\"a\": \"\\/\\u00e9\\ud83d\\ude00\\ud800 \\u007f\u{7f}\"}",
    "{\"é\": \"日本語😀\"}",
    "{\"a\": \"\\b\\f\\n\\r\\t\\u0001\\u001F\\\"\\\\\"}",
    "{\"a\": [-0, 0, -0.0, 0.0, 12345678901234567890123]}",
    "{\"a\": [1E5, 1e-7, 1.10, 1e16, 1e15, 123e-6, 12.5e-6]}",
    "{\"a\": [1e22, 1e21, 123456789012345678.0, 5e-324, 1.7976931348623157e308]}",
    "{\"a\": [0.1, 0.30000000000000004, 100.0, 1e2, 1E+2, 1e-0, 9007199254740993.0]}",
    "{\"a\": [0.0001, 0.00001, 1e-400]}",
    "{\"pubsub_path\": 1, \"a\": 2}",
    "{\"pubsub_cursor\": null, \"pubsub_topics\": [], \"pubsub_timestamp\": 0}",
    "{\"stillalive\": 1}",
    "{\"a\": {\"pubsub_path\": 1}}",
    "{\"\": \"\"}",
    "{\"a\":true,\"b\":false,\"c\":null}",
    "{\"a\":[[],{},[{}],{\"b\":[]}]}",
    "{\"a\":\t1\r\n}",
    "{\"a\":\u{a0}1}",
    "{\"a\": \"\\ud83d\\u0041\"}",
    "{\"a\": \"\\u12g4\"}",
    "{1: 2}",
    "{\"a\": nul}",
    "{\"a\": \"\\ude00\\ud83d\"}",
    "{\"a\": \"\u{2028}\u{ffff}\"}",
];

const BODIES: [(&str, &str, &[u8]); 14] = [
    (
        "no charset",
        "Content-Type: application/json; charset=\r\n",
        b"{\"a\": \"\xc3\xa9\"}",
    ),
    (
        "charset twice",
        "Content-Type: application/json; charset=latin1; charset=utf-8\r\n",
        b"{\"a\": \"\xc3\xa9\"}",
    ),
    ("empty", "", b""),
    ("bad utf-8", "", b"{\"a\": \"\xff\"}"),
    (
        "latin-1",
        "Content-Type: application/json; charset=latin-1\r\n",
        b"{\"a\": \"\xe9\"}",
    ),
    (
        "utf-8",
        "Content-Type: text/plain; charset=UTF-8\r\n",
        b"{\"a\": \"\xc3\xa9\"}",
    ),
    (
        "ascii",
        "Content-Type: text/plain; charset=us-ascii\r\n",
        b"{\"a\": \"e\"}",
    ),
    (
        "bad ascii",
        "Content-Type: text/plain; charset=us-ascii\r\n",
        b"{\"a\": \"\xc3\xa9\"}",
    ),
    (
        "unknown charset",
        "Content-Type: text/plain; charset=klingon\r\n",
        b"{}",
    ),
    (
        "utf-16",
        "Content-Type: text/plain; charset=utf-16\r\n",
        b"\xff\xfe{\0}\0",
    ),
    (
        "urlencoded",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        b"{\"a\": 1}",
    ),
    ("no type", "Content-Type:\r\n", b"{\"a\": 1}"),
    (
        "gzip",
        "Content-Encoding: gzip\r\n",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00",
    ),
    ("old http", "Connection: close\r\n", b"{}"),
];

const HEADS: [(&str, &str); 63] = [
    (
        "target with a backtick",
        "PUT /a`b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "target with an escaped host",
        "PUT http://%41/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "target with a port that is none",
        "PUT http://h:99999/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "target with a mark behind its host",
        "PUT http://h#x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "request line with two blanks behind the method",
        "PUT  /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "http 0.9",
        "PUT /a HTTP/0.9\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "http 2.0",
        "PUT /a HTTP/2.0\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    ("http without a version", "PUT /a\r\n\r\n"),
    (
        "chunks of old http",
        "PUT /body HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ),
    (
        "chunks behind another coding",
        "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ),
    (
        "length of 64 bits",
        "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n{}",
    ),
    (
        "chunk size with a blank",
        "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n",
    ),
    (
        "chunk extension empty",
        "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;\r\n{}\r\n0\r\n\r\n",
    ),
    (
        "trailer with a length",
        "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "gzip that is none",
        "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "packing unknown",
        "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Encoding: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "propfind",
        "PROPFIND /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    ("m-search", "M-SEARCH /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "target with angle brackets",
        "PUT /a<b> HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "target with a quote in its query",
        "PUT /a?\" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "request line with two blanks",
        "PUT /a  HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "method in small letters",
        "put /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "login behind its padding",
        "PUT /secure HTTP/1.1\r\nHost: x\r\nAuthorization: Basic Y2hlZjpj==x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    ("body none", "PUT /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "body too large",
        "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 102401\r\n\r\n",
    ),
    (
        "body chunked",
        "PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n",
    ),
    (
        "post",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    ("head", "HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("head root", "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "head close",
        "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ),
    ("head of old", "HEAD / HTTP/1.0\r\n\r\n"),
    ("get of old", "GET / HTTP/1.0\r\n\r\n"),
    (
        "put of old",
        "PUT /x HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "put of old that stays",
        "PUT /x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
    ),
    ("get", "GET /none HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "get close",
        "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ),
    (
        "get with a body",
        "GET /none HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
    ),
    (
        "get as an old client",
        "GET /none HTTP/1.1\r\nHost: x\r\nUser-Agent: svnwcsub/1\r\n\r\n",
    ),
    (
        "get by a wrong login",
        "GET /none HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ???\r\n\r\n",
    ),
    (
        "since 0",
        "GET /none HTTP/1.1\r\nHost: x\r\nX-Fetch-Since: 0\r\n\r\n",
    ),
    (
        "since a word",
        "GET /none HTTP/1.1\r\nHost: x\r\nX-Fetch-Since: x\r\n\r\n",
    ),
    (
        "since nothing",
        "GET /none HTTP/1.1\r\nHost: x\r\nX-Fetch-Since:\r\n\r\n",
    ),
    (
        "since an unknown cursor",
        "GET /none HTTP/1.1\r\nHost: x\r\nX-Fetch-Since-Cursor: 54611994-22c3-4c85-ac2e-d93ff4b0f369\r\n\r\n",
    ),
    ("options", "OPTIONS /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("options of all", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("delete", "DELETE /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "patch",
        "PATCH /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    ("trace", "TRACE /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("method unknown", "FOO /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("host none", "HEAD / HTTP/1.1\r\n\r\n"),
    ("host two", "HEAD / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
    (
        "target star",
        "PUT * HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "target word",
        "PUT abc HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "target with a space",
        "PUT /a b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "target not ascii",
        "PUT /\u{e9} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "length twice",
        "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    ),
    (
        "length twice the same",
        "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "line without return",
        "HEAD /x HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    ),
    ("head without return", "HEAD /x HTTP/1.1\nHost: x\n\n"),
    (
        "blank line without return",
        "\nHEAD /x HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    (
        "length and chunks",
        "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ),
    (
        "length with a sign",
        "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}",
    ),
    (
        "length no number",
        "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n{}",
    ),
];

/// Asks all requests, and writes down what comes back: the answer, and the events.
async fn ask_all(address: SocketAddr) -> BTreeMap<String, String> {
    let mut stream = connect(address).await;
    stream.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    stream.head().await;
    let mut answers = BTreeMap::new();
    for (name, request) in requests() {
        let mut raw = connect(address).await;
        raw.try_send(&request).await;
        let mut said = answer(&mut raw).await;
        drop(raw);
        let mut marking = connect(address).await;
        marking.send(put("/mark", "{\"mark\": 1}")).await;
        marking.answer().await;
        loop {
            let event = stream.event().await;
            if event.starts_with("{\"mark\": 1, ") {
                break;
            }
            write!(said, "event: {}", nameless(&event)).expect("a text takes everything");
        }
        answers.insert(name, said);
    }
    answers
}

/// An answer, without what is never the same; of a stream, the head and the first line.
async fn answer(raw: &mut Raw<TcpStream>) -> String {
    let whole = async {
        let Some(head) = raw.try_until("\r\n\r\n").await else {
            return "(closed)\n".to_owned();
        };
        let mut said = countless(&undated(&head));
        if head.contains("chunked") {
            let Some(size) = raw.try_until("\r\n").await else {
                return said + "(closed)\n";
            };
            let length = usize::from_str_radix(size.trim_end(), 16).expect("a size");
            let line = raw.take(length).await;
            said += if line.starts_with("{\"stillalive\": ") {
                "(ping)"
            } else {
                "(no ping)"
            };
            said += if line.ends_with('\0') { "(NUL)" } else { "" };
        } else {
            let length = head
                .split("Content-Length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next());
            let length = length.filter(|_| !head.contains(" 204 "));
            said += &raw
                .take_some(length.map_or(0, |length| length.parse().expect("a length")))
                .await;
        }
        said + "\n"
    };
    timeout(Duration::from_secs(10), whole)
        .await
        .unwrap_or_else(|_| "(nothing)\n".to_owned())
}

fn countless(head: &str) -> String {
    let lines = head.split("\r\n").map(|line| match line.split_once(": ") {
        Some((name @ ("X-Subscribers" | "X-Requests"), _)) => format!("{name}: N"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

/// An event without its time and its cursor.
fn nameless(event: &str) -> String {
    if 5000 < event.len() {
        return format!("({} bytes)\n", event.len() / 1000 * 1000);
    }
    let mut event = event.to_owned();
    for (name, end) in [
        ("pubsub_timestamp", [',', '}']),
        ("pubsub_cursor", [',', '}']),
    ] {
        let start = format!("\"{name}\": ");
        let from = event.find(&start).expect("every event has it") + start.len();
        let length = event[from..].find(end).expect("it ends");
        event.replace_range(from..from + length, "X");
    }
    event
}

/// One line for each name and answer, escaped.
fn written(answers: &BTreeMap<String, String>) -> String {
    let lines = answers
        .iter()
        .map(|(name, answer)| format!("{}\t{}\n", name.escape_default(), answer.escape_default()));
    lines.collect()
}

#[tokio::test]
async fn the_same_requests_are_answered_by_the_same_bytes() {
    if let Ok(address) = std::env::var("PYPUBSUB") {
        let original = ask_all(address.parse().expect("`PYPUBSUB` is an address")).await;
        std::fs::write(RECORD, written(&original)).expect("the record can be written");
    }
    let record = std::fs::read_to_string(RECORD).expect("the original was asked");
    let clients =
        "  payloaders: [127.0.0.1/24]\n  oldschoolers: [svnwcsub]\n  secure_topics: [secure, safe]";
    let config = Config::server("  backlog: {size: 1000}")
        .clients(clients)
        .acl(ACL);
    compare(config.clone(), &record, |_| true).await;
    // Where the original is followed, what is strict is no deviation any more.
    compare(config.upstream(), &record, |why| why != "strict").await;
}

/// Compares what a gateway answers with the record; `may_deviate` says which reasons count.
async fn compare(config: Config, record: &str, may_deviate: impl Fn(&str) -> bool) {
    let gateway = config.start().await;
    let ours = ask_all(gateway.server.address()).await;
    assert!(150 < ours.len(), "{} requests", ours.len());
    let ours = written(&ours);
    assert_eq!(
        ours.lines().count(),
        record.lines().count(),
        "the record is of other requests: write it anew"
    );
    let mut wrong = Vec::new();
    for (ours, theirs) in ours.lines().zip(record.lines()) {
        let name = ours.split('\t').next().unwrap_or_default();
        let why = DEVIATIONS
            .iter()
            .find(|(deviant, why)| *deviant == name && may_deviate(why))
            .map(|(_, why)| why);
        match (ours == theirs, why) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(why)) => wrong.push(format!("{name} is no deviation any more ({why})")),
            (false, None) => wrong.push(format!("ours   {ours}\ntheirs {theirs}\n")),
        }
        // Whatever deviates is refused, or a stream that goes on; or it is taken, and the table says so.
        let is_known = ["HTTP/1.1 400 ", "HTTP/1.1 431 ", "HTTP/1.1 200 "]
            .iter()
            .any(|status| ours.contains(status));
        let is_taken = why == Some(&TAKEN) || name == "length and chunks";
        assert!(why.is_none() || is_known || is_taken, "{ours}");
    }
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        record.lines().count(),
        wrong.join("\n")
    );
}
