//! How many connections there may be.

use crate::kit::Config;

#[tokio::test]
async fn who_finds_no_room_is_told_so_and_comes_in_when_somebody_leaves() {
    let gateway = Config::server("  max_connections: 2").start().await;
    let stream = gateway.subscribe("/a").await;
    let other = gateway.connect().await;
    let mut late = gateway.connect().await;
    late.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let said = late.answer().await;
    assert_eq!(said.status(), 503, "{said:?}");
    assert!(said.head.contains("\r\nConnection: close\r\n"), "{said:?}");
    assert_eq!(late.rest().await, "");
    drop((stream, other));
    let metrics = loop {
        // Until both are noticed to have gone.
        let answer = gateway
            .ask("GET /_bus/metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        if answer.status() == 200 {
            break answer.body;
        }
    };
    let count = metrics
        .lines()
        .find_map(|line| line.strip_prefix("signal_bus_gateway_turned_away_total "));
    assert!(count.is_some_and(|count| count != "0"), "{metrics}");
}
