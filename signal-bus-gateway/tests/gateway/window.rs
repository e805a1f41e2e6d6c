//! The paths that PyPubSub does not use.

use crate::kit::{Answer, Config, Gateway};

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
