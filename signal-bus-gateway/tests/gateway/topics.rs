//! What a path names, and who hears it.

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
