//! What a path names, and who hears it.

use proptest::prelude::{ProptestConfig, prop, proptest};

use crate::kit::{Gateway, field};

#[tokio::test]
async fn a_stream_hears_what_holds_all_of_its_topics() {
    let gateway = Gateway::start().await;
    let paths = [
        "/fruits",
        "/fruits/apples",
        "/fruits/apples/red",
        "/fruits/oranges",
        "/apples",
    ];
    let mut streams = Vec::new();
    for path in paths {
        streams.push(gateway.subscribe(path).await);
    }
    for (path, heard) in [
        ("/fruits", "Y----"),
        ("/fruits/apples", "YY--Y"),
        ("/fruits/apples/red", "YYY-Y"),
        ("/fruits/oranges", "Y--Y-"),
        ("/red/apples", "----Y"),
        ("/Apples", "-----"),
    ] {
        assert_eq!(gateway.put(path, "{}").await, 202);
        assert_eq!(
            gateway.put("/fruits/apples/red/oranges/mark", "{}").await,
            202
        );
        for (stream, heard) in streams.iter_mut().zip(heard.chars()) {
            let line = stream.event().await;
            let is_heard = field(&line, "pubsub_path") == format!("\"{path}\"");
            assert_eq!(is_heard, heard == 'Y', "{path}: {line}");
            if is_heard {
                assert!(stream.event().await.contains("mark"));
            }
        }
    }
}

/// The table of the contract.
#[tokio::test]
async fn a_path_is_decoded_once_split_and_kept_as_it_is() {
    let gateway = Gateway::start().await;
    let mut stream = gateway.subscribe("/").await;
    for (sent, topics, path) in [
        ("/", "[]", "/"),
        ("//a/b", r#"["a", "b"]"#, "//a/b"),
        ("/a//b/", r#"["a", "b"]"#, "/a//b/"),
        ("/a/../b", r#"["a", "..", "b"]"#, "/a/../b"),
        ("/./a", r#"[".", "a"]"#, "/./a"),
        ("/a%2Fb", r#"["a", "b"]"#, "/a/b"),
        ("/%41pples", r#"["Apples"]"#, "/Apples"),
        ("/%C3%A9", r#"["\u00e9"]"#, r"/\u00e9"),
        ("/%FF", r#"["%FF"]"#, "/%FF"),
        ("/%zz", r#"["%zz"]"#, "/%zz"),
        ("/%ff%41", r#"["%ffA"]"#, "/%ffA"),
        ("/a%20b", r#"["a b"]"#, "/a b"),
        ("/a%00b", r#"["a\u0000b"]"#, r"/a\u0000b"),
        ("/a%0Ab", r#"["a\nb"]"#, r"/a\nb"),
        ("/a;b=c", r#"["a;b=c"]"#, "/a;b=c"),
        ("/a+b", r#"["a+b"]"#, "/a+b"),
        ("/a%2Bb", r#"["a+b"]"#, "/a+b"),
        ("/a%3Fb", r#"["a?b"]"#, "/a?b"),
        ("/a%25b", r#"["a%b"]"#, "/a%b"),
        ("/q?x=1", r#"["q"]"#, "/q"),
        ("/a#frag", r#"["a"]"#, "/a"),
        (
            "/apples,oranges",
            r#"["apples,oranges"]"#,
            "/apples,oranges",
        ),
        ("/a/a/b/a", r#"["a", "a", "b", "a"]"#, "/a/a/b/a"),
        ("http://h/abs/uri", r#"["abs", "uri"]"#, "/abs/uri"),
    ] {
        assert_eq!(gateway.put(sent, "{}").await, 202, "{sent}");
        let line = stream.event().await;
        assert!(
            line.contains(&format!("\"pubsub_topics\": {topics}, ")),
            "{sent}: {line}"
        );
        assert!(
            line.contains(&format!("\"pubsub_path\": \"{path}\", ")),
            "{sent}: {line}"
        );
    }
}

#[tokio::test]
async fn an_event_that_several_batches_want_comes_once() {
    let gateway = Gateway::start().await;
    let mut stream = gateway.subscribe("/apples,oranges%2Cred/apples,").await;
    assert_eq!(gateway.put("/apples/red/oranges", "{\"n\": 1}").await, 202);
    assert_eq!(gateway.put("/x", "{\"n\": 2}").await, 202);
    assert_eq!(field(&stream.event().await, "n"), "1");
    assert_eq!(field(&stream.event().await, "n"), "2");
}

#[tokio::test]
async fn a_path_of_too_many_topics_or_batches_is_refused() {
    let gateway = Gateway::start().await;
    let segments = "/a".repeat(600);
    assert_eq!(gateway.put(&segments, "{}").await, 400);
    for path in [segments, format!("/{}", "a,".repeat(200))] {
        let answer = gateway
            .ask(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        assert_eq!(answer.status(), 400);
    }
}

/// What a client may send, in parts that mean something.
fn requests() -> impl prop::strategy::Strategy<Value = Vec<u8>> {
    use prop::strategy::Strategy as _;
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

/// Whatever comes: the gateway lives, and never says that it is its own fault.
#[test]
fn no_request_breaks_the_gateway() {
    let runtime = tokio::runtime::Runtime::new().expect("there is room for threads");
    let gateway = runtime.block_on(Gateway::start());
    let address = gateway.server.address();
    proptest!(ProptestConfig::with_cases(400), |(request in requests())| {
        let answer = runtime.block_on(async {
            let mut raw = crate::kit::connect(address).await;
            raw.try_send(&request).await;
            raw.try_send("\r\n\r\n").await;
            raw.first_answers().await
        });
        proptest::prop_assert!(!answer.contains("HTTP/1.1 5"), "{answer}");
    });
    assert_eq!(runtime.block_on(gateway.put("/a", "{}")), 202);
}
