use http_body_util::BodyExt as _;
use hyper::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use signal_bus::{Bus, BusGuard};
use tower_service::Service as _;

use super::{Access, Gateway, GatewayBody, TooSlow};

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Order {
    id: u32,
    items: Vec<Item>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Item {
    price: f64,
}

async fn start() -> (BusGuard, Gateway) {
    let bus = Bus::empty().start().await.expect("it starts");
    let gateway = Gateway::new(&bus)
        .expose::<Order>("orders.>")
        .expose::<u32>("numbers");
    (bus, gateway)
}

async fn ask(gateway: &Gateway, method: &str, path: &str, body: &str) -> Response<GatewayBody> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(body.to_owned())
        .expect("a request");
    gateway.clone().call(request).await.expect("it never fails")
}

async fn said(response: Response<GatewayBody>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response
        .into_body()
        .collect()
        .await
        .expect("it never fails");
    (
        status,
        String::from_utf8(body.to_bytes().to_vec()).expect("it is a text"),
    )
}

async fn next(response: &mut Response<GatewayBody>) -> Option<String> {
    let frame = response.body_mut().frame().await?.expect("it never fails");
    let data = frame.into_data().expect("there are no trailers");
    Some(String::from_utf8(data.to_vec()).expect("it is a text"))
}

const ORDER: &str = r#"{"id":7,"items":[{"price":1.5}]}"#;

#[tokio::test]
async fn what_is_published_over_http_is_a_signal_of_its_type() {
    let (bus, gateway) = start().await;
    let mut orders = bus
        .subscribe::<Order>("orders.eu.created")
        .expect("it is a topic");
    let answered = said(ask(&gateway, "POST", "/orders/eu/created", ORDER).await).await;
    assert_eq!(answered, (202, "{\"receivers\":1}\n".to_owned()));
    let order = orders.recv().await.expect("one was published");
    let expected = Order {
        id: 7,
        items: vec![Item { price: 1.5 }],
    };
    assert_eq!((order.topic(), &*order), ("orders.eu.created", &expected));
}

#[tokio::test]
async fn what_is_no_signal_of_the_type_is_refused_with_the_path_of_the_field() {
    let (bus, gateway) = start().await;
    let mut orders = bus.subscribe::<Order>("orders.>").expect("it is a pattern");
    for (body, status, part) in [
        (
            r#"{"id":7,"items":[{"price":"x"}]}"#,
            422,
            "\"path\":\"items[0].price\"}",
        ),
        (r#"{"id":-7,"items":[]}"#, 422, "\"path\":\"id\"}"),
        (r#"{"id":7}"#, 422, "missing field `items`"),
        ("{", 400, "EOF while parsing"),
        ("", 400, "EOF while parsing"),
        (&format!("{ORDER} x"), 400, "trailing characters"),
    ] {
        let (answered, text) = said(ask(&gateway, "PUT", "/orders/new", body).await).await;
        assert!(
            answered == status && text.contains(part),
            "{body}: {answered} {text}"
        );
    }
    assert!(orders.try_recv().is_none());
}

#[tokio::test]
async fn what_was_not_exposed_is_not_there() {
    let (bus, gateway) = start().await;
    for path in [
        "/",
        "/other",
        "/orders",
        "/orders/",
        "/orders//x",
        "/Orders/x",
        "/numbers/x",
        "/%3E",
        "/**",
        "/*/x",
        "/$bus/dead",
        "/%24bus/dead",
        "/orders%2Fx",
    ] {
        for method in ["GET", "PUT"] {
            let response = ask(&gateway, method, path, ORDER).await;
            assert_eq!(said(response).await.0, 404, "{method} {path}");
        }
    }
    // A topic has no wildcards, and no blanks.
    for path in ["/orders/*", "/orders/%3E", "/orders/a%20b", "/orders/a%00"] {
        assert_eq!(
            said(ask(&gateway, "PUT", path, ORDER).await).await.0,
            404,
            "{path}"
        );
    }
    assert_eq!(
        said(ask(&gateway, "DELETE", "/numbers", "").await).await.0,
        405
    );
    drop(bus);
}

#[tokio::test]
async fn a_stream_is_a_line_or_an_event_for_each_signal_and_ends_with_the_bus() {
    let (bus, gateway) = start().await;
    let mut lines = ask(&gateway, "GET", "/orders/*/created", "").await;
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    let request = Request::get("/numbers")
        .header("accept", "text/event-stream")
        .body(String::new());
    let mut browser = gateway
        .clone()
        .call(request.expect("a request"))
        .await
        .expect("it never fails");
    assert_eq!(browser.headers()["content-type"], "text/event-stream");
    for (path, body) in [
        ("/orders/eu/created", ORDER),
        ("/orders/eu/paid", ORDER),
        ("/numbers", "7"),
    ] {
        assert_eq!(ask(&gateway, "PUT", path, body).await.status(), 202);
    }
    let line = format!("{{\"topic\":\"orders.eu.created\",\"signal\":{ORDER}}}\n");
    assert_eq!(next(&mut lines).await, Some(line));
    assert_eq!(
        next(&mut browser).await.as_deref(),
        Some("event: numbers\ndata: 7\n\n")
    );
    bus.close().await.expect("it closes in time");
    assert_eq!(next(&mut lines).await, None);
    assert_eq!(next(&mut browser).await, None);
    assert_eq!(ask(&gateway, "PUT", "/numbers", "7").await.status(), 503);
    assert_eq!(ask(&gateway, "GET", "/numbers", "").await.status(), 503);
}

/// Two lines in the place of one would be two signals, or none.
#[tokio::test]
async fn a_signal_is_one_line_also_if_its_json_is_handed_on_as_it_came() {
    let bus = Bus::empty().start().await.expect("it starts");
    let gateway = Gateway::new(&bus).expose::<Box<RawValue>>("raw");
    let mut lines = ask(&gateway, "GET", "/raw", "").await;
    let answered = ask(&gateway, "PUT", "/raw", "{\"a\":\r\n\n[1,\n\"\\n\"]}").await;
    assert_eq!(answered.status(), 202);
    let line = "{\"topic\":\"raw\",\"signal\":{\"a\":   [1, \"\\n\"]}}\n";
    assert_eq!(next(&mut lines).await.as_deref(), Some(line));
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let (_bus, gateway) = start().await;
    for method in ["DELETE", "HEAD", "OPTIONS", "PATCH"] {
        let answer = ask(&gateway, method, "/numbers", "").await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["allow"]),
            (405, &"GET, PUT, POST".parse().expect("a value")),
            "{method}"
        );
    }
}

/// A text of JSON can say more than a type can hold, and less.
#[tokio::test]
async fn whatever_the_body_is_it_is_refused_with_a_reason() {
    let (bus, gateway) = start().await;
    let deep = format!("{{\"x\":{}", "[".repeat(100_000));
    for (body, status) in [
        (&b"{\"id\":1e400,\"items\":[]}"[..], 400),
        (b"{\"id\":NaN,\"items\":[]}", 400),
        (b"{\"id\":1.0,\"items\":[]}", 422),
        (b"{\"id\":99999999999999999999999,\"items\":[]}", 422),
        (b"{\"id\":1,\"id\":1,\"items\":[]}", 422),
        (b"{\"id\":\"\\ud800\",\"items\":[]}", 400),
        (b"{\"id\":\"\xff\",\"items\":[]}", 400),
        (b"\xef\xbb\xbf{}", 400),
        (b"[]", 422),
        (b"null", 422),
        (deep.as_bytes(), 400),
    ] {
        let request = Request::put("/orders/x").body(http_body_util::Full::new(
            bytes::Bytes::copy_from_slice(body),
        ));
        let answer = gateway.clone().call(request.expect("a request")).await;
        let (answered, text) = said(answer.expect("it never fails")).await;
        let body = String::from_utf8_lossy(&body[..body.len().min(50)]);
        assert_eq!(answered, status, "{body}: {text}");
        assert!(
            text.starts_with("{\"error\":\"") && text.contains("\"path\":") == (status == 422),
            "{body}: {text}"
        );
    }
    assert!(!bus.has_subscribers("orders.x"));
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_ended_and_nobody_waits() {
    let (bus, gateway) = start().await;
    let gateway = gateway.waiting_max(3);
    let mut slow = ask(&gateway, "GET", "/numbers", "").await;
    for number in 0..10 {
        let body = number.to_string();
        assert_eq!(ask(&gateway, "PUT", "/numbers", &body).await.status(), 202);
    }
    bus.settled().await;
    for number in 0..3 {
        let line = format!("{{\"topic\":\"numbers\",\"signal\":{number}}}\n");
        assert_eq!(next(&mut slow).await, Some(line));
    }
    // An end like any other would look as if there had been no more.
    let frame = slow.body_mut().frame().await.expect("it breaks off");
    assert_eq!(frame.err(), Some(TooSlow));
    assert_eq!(next(&mut slow).await, None);
}

#[tokio::test]
async fn a_reader_that_leaves_leaves_the_bus() {
    let (bus, gateway) = start().await;
    let stream = ask(&gateway, "GET", "/numbers", "").await;
    assert!(bus.has_subscribers("numbers"));
    drop(stream);
    assert!(!bus.has_subscribers("numbers"));
}

#[tokio::test]
async fn who_is_not_allowed_to_is_refused() {
    let (_bus, gateway) = start().await;
    let gateway = gateway.allow(|head, access| {
        let is_known = head.headers.contains_key("x-key");
        is_known || access == Access::Subscribe("numbers")
    });
    assert_eq!(ask(&gateway, "PUT", "/numbers", "7").await.status(), 403);
    assert_eq!(ask(&gateway, "GET", "/orders/x", "").await.status(), 403);
    assert_eq!(ask(&gateway, "GET", "/numbers", "").await.status(), 200);
    let request = Request::put("/numbers")
        .header("x-key", "k")
        .body("7".to_owned())
        .expect("a request");
    assert_eq!(
        gateway
            .clone()
            .call(request)
            .await
            .expect("it never fails")
            .status(),
        202
    );
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let (_bus, gateway) = start().await;
    let gateway = gateway.body_bytes_max(10);
    assert_eq!(
        ask(&gateway, "PUT", "/numbers", "1234567890")
            .await
            .status(),
        202
    );
    assert_eq!(
        ask(&gateway, "PUT", "/numbers", "1234567890 ")
            .await
            .status(),
        413
    );
}

#[tokio::test]
async fn a_topic_of_another_type_is_a_conflict() {
    let (bus, gateway) = start().await;
    bus.publish("numbers", "a text").await.expect("it is open");
    assert_eq!(ask(&gateway, "PUT", "/numbers", "7").await.status(), 409);
    assert_eq!(ask(&gateway, "GET", "/numbers", "").await.status(), 409);
}

#[tokio::test]
async fn a_websocket_is_refused_where_the_connection_is_not_handed_over() {
    let (_bus, gateway) = start().await;
    for (key, status) in [("dGhlIHNhbXBsZSBub25jZQ==", 501), ("short", 400)] {
        let request = Request::get("/orders/eu")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", key)
            .body(String::new())
            .expect("a request");
        let answer = gateway.clone().call(request).await.expect("it never fails");
        assert_eq!(answer.status(), status, "{key}");
    }
}
