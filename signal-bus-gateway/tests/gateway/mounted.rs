//! The window on any bus, mounted in a router of axum's, over a real connection.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use signal_bus::{Bus, BusGuard};
use signal_bus_gateway::Gateway;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, protocol::frame::coding::CloseCode},
};

use crate::kit::connect;

#[derive(Serialize, Deserialize)]
struct Order {
    id: u32,
}

/// A program of somebody's, with a bus and a router; it serves as long as its task is there.
struct Program {
    bus: BusGuard,
    address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Program {
    async fn start() -> Self {
        let bus = Bus::empty().start().await.expect("it starts");
        let gateway = Gateway::new(&bus)
            .expose::<Order>("orders.>")
            .waiting_max(4);
        let router = axum::Router::new()
            .route("/", axum::routing::get(|| async { "home" }))
            .nest_service("/bus", gateway);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self {
            bus,
            address,
            _serving: serving,
        }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut raw = connect(self.address).await;
        let length = body.len();
        raw.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
        let answer = raw.answer().await;
        (answer.status(), answer.body)
    }

    async fn socket(&self, path: &str) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
        let stream = TcpStream::connect(self.address).await?;
        let (socket, _) = client_async(format!("ws://x{path}"), stream).await?;
        Ok(socket)
    }
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Message {
    loop {
        let message = socket.next().await.expect("it goes on").expect("it is one");
        if !message.is_ping() {
            return message;
        }
    }
}

#[tokio::test]
async fn a_gateway_is_one_service_of_a_router() {
    let program = Program::start().await;
    let mut orders = program
        .bus
        .subscribe::<Order>("orders.>")
        .expect("a pattern");
    assert_eq!(program.ask("GET", "/", "").await, (200, "home".to_owned()));
    let published = program.ask("POST", "/bus/orders/eu", "{\"id\": 7}").await;
    assert_eq!(published, (202, "{\"receivers\":1}\n".to_owned()));
    let order = orders.recv().await.expect("one was published");
    assert_eq!((order.topic(), order.id), ("orders.eu", 7));
    assert_eq!(program.ask("GET", "/bus/other", "").await.0, 404);
    assert_eq!(program.ask("POST", "/bus/orders/eu", "{}").await.0, 422);
}

#[tokio::test]
async fn a_websocket_gets_a_text_for_each_signal_and_is_closed_with_the_bus() {
    let program = Program::start().await;
    let mut socket = program.socket("/bus/orders/*").await.expect("it opens");
    for id in 0..3 {
        let order = format!("{{\"id\":{id}}}");
        assert_eq!(program.ask("POST", "/bus/orders/eu", &order).await.0, 202);
        let expected = format!("{{\"topic\":\"orders.eu\",\"signal\":{order}}}");
        assert_eq!(next(&mut socket).await, Message::text(expected));
    }
    // What the reader says means nothing.
    socket.send(Message::text("hello")).await.expect("it reads");
    program.bus.close().await.expect("it drains");
    match next(&mut socket).await {
        Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::Away),
        other => panic!("it is not closed: {other}"),
    }
}

#[tokio::test]
async fn a_websocket_of_what_was_not_exposed_is_not_there() {
    let program = Program::start().await;
    match program.socket("/bus/other").await {
        Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 404),
        other => panic!("it opens: {other:?}"),
    }
}

#[tokio::test]
async fn a_reader_that_leaves_its_websocket_leaves_the_bus() {
    let program = Program::start().await;
    let mut socket = program.socket("/bus/orders/eu").await.expect("it opens");
    socket.close(None).await.expect("it is heard");
    while socket.next().await.is_some() {}
    let receivers = async || program.ask("POST", "/bus/orders/eu", "{\"id\":1}").await.1;
    while receivers().await != "{\"receivers\":0}\n" {}
}

/// An end as of a bus that is closed would hide that something is missing.
#[tokio::test]
async fn a_reader_that_is_too_slow_gets_no_end_to_its_body() {
    let program = Program::start().await;
    let mut slow = connect(program.address).await;
    slow.send("GET /bus/orders/eu HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    slow.head().await;
    // Nobody else gets a turn meanwhile.
    for id in 0..10 {
        let published = program.bus.try_publish("orders.eu", Order { id });
        published.expect("it is open");
    }
    let rest = slow.rest().await;
    assert!(!rest.ends_with("0\r\n\r\n"), "{rest}");
}
