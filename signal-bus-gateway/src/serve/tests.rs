use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    House,
    connection::Patience,
    places::{Place, Places},
    streaming, tls,
};
use crate::{
    access::payloaders::{Payloaders, read_network},
    backlog::{
        Backlog,
        store::{Damage, Store},
    },
    config::{Compat, TlsConfig, Written},
    cursor::Epoch,
    hub::{Hub, stream::QueueLimits},
    login::Logins,
    problem::Problems,
    wire::{Desk, Opening},
};

const PATIENCE: Patience = Patience {
    head: Duration::from_secs(10),
    body: Duration::from_secs(60),
    idle: Duration::from_secs(3600),
    stall: Duration::from_secs(30),
};

/// A house without sockets, and its bus.
async fn house() -> (House, signal_bus::BusGuard) {
    house_of(10_000).await
}

/// A house in which so many events may wait for a reader.
async fn house_of(events: usize) -> (House, signal_bus::BusGuard) {
    let limits = QueueLimits {
        events,
        bytes: usize::MAX,
    };
    let backlog = Backlog::new(Epoch::from_bits(1), 0, 0, None);
    let started = Hub::start(backlog, limits, None::<Store>).await;
    let (hub, bus, placing) = started.expect("it starts");
    let closing = CancellationToken::new();
    let desk = Desk {
        hub,
        damage: Damage::default(),
        logins: Logins::new("none".into(), Compat::Strict, None),
        payloaders: Payloaders::new(vec![read_network("127.0.0.1").expect("a network")]),
        oldschoolers: Vec::new(),
        secure_topics: std::collections::HashSet::new(),
        payload_bytes_max: 102_400,
        compat: Compat::Strict,
        requests: AtomicU64::new(0),
        turned_away: AtomicU64::new(0),
        not_admitted: AtomicU64::new(0),
        closing: closing.clone(),
    };
    let house = House {
        desk: Arc::new(desk),
        patience: PATIENCE,
        places: Places::new(100),
        talks: TaskTracker::new(),
        streams: TaskTracker::new(),
        closing,
    };
    house.streams.spawn(placing);
    (house, bus)
}

impl House {
    fn too_slow(&self) -> u64 {
        self.desk.hub.tally().too_slow.load(Ordering::Relaxed)
    }

    /// A connection whose two sides have room for so many bytes.
    fn connect(&self, bytes: usize) -> DuplexStream {
        self.connect_from(IpAddr::V4(Ipv4Addr::LOCALHOST), bytes)
    }

    fn connect_from(&self, peer: IpAddr, bytes: usize) -> DuplexStream {
        let (client, server) = duplex(bytes);
        let place = self.places.take().expect("there is room");
        self.talks.spawn(self.clone().converse(server, peer, place));
        client
    }
}

/// Reads until the other side closes; says what came, and after how many seconds it closed.
async fn until_closed(client: &mut DuplexStream) -> (String, u64) {
    let start = Instant::now();
    let mut read = Vec::new();
    client
        .read_to_end(&mut read)
        .await
        .expect("it is read from memory");
    (
        String::from_utf8_lossy(&read).into_owned(),
        start.elapsed().as_secs(),
    )
}

/// Sends a byte each second, until nobody takes it any more.
async fn drip(client: &mut DuplexStream, bytes: &[u8]) -> u64 {
    let start = Instant::now();
    for byte in bytes {
        if client.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    start.elapsed().as_secs()
}

const HEAD: &[u8] = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_closed() {
    let (house, _bus) = house().await;
    let mut client = house.connect(1024);
    let (read, seconds) = until_closed(&mut client).await;
    assert_eq!((read.as_str(), seconds), ("", 11));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_in_is_closed_on() {
    let (house, _bus) = house().await;
    let mut client = house.connect(1024);
    let line = [b"GET / HTTP/1.1\r\nA: ".to_vec(), vec![b'a'; 1000]].concat();
    assert!(drip(&mut client, &line).await < 15);
}

fn written<T>(value: T) -> Written<T> {
    Written { value, line: 1 }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_end_is_closed_on() {
    let (house, _bus) = house().await;
    let file = |name: &str| format!("{}/tests/certificates/{name}", env!("CARGO_MANIFEST_DIR"));
    let config = TlsConfig {
        port: written(0),
        certificate: written(file("server.crt").into()),
        key: written(file("server.key").into()),
        chain: None,
    };
    let mut problems = Problems::new("c.yaml", false);
    let acceptor = tls::acceptor(&config, &mut problems).expect("they go together");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    for begun in [&b""[..], b"\x16\x03\x01"] {
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let (socket, peer) = listener.accept().await.expect("somebody comes");
        let place = house.places.take().expect("there is room");
        let attended = house.clone();
        let attending = attended.attend(socket, peer.ip(), Some(acceptor.clone()), place);
        house.talks.spawn(attending);
        client.write_all(begun).await.expect("it is taken");
        let start = Instant::now();
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap_or_default();
        assert_eq!((read.len(), start.elapsed().as_secs()), (0, 10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_no_answers_is_closed_on() {
    let (house, _bus) = house().await;
    let mut client = house.connect(1024);
    // They are read in one piece, and their answers do not fit.
    let many = HEAD.repeat(1024 / HEAD.len());
    client.write_all(&many).await.expect("all of it is taken");
    let start = Instant::now();
    while client.write_all(b"\r\n").await.is_ok() {
        sleep(Duration::from_secs(1)).await;
    }
    assert!(start.elapsed() < 2 * PATIENCE.stall);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_in_is_closed_on() {
    let (house, _bus) = house().await;
    let mut client = house.connect(1024);
    client
        .write_all(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        .await
        .expect("it is read");
    let seconds = drip(&mut client, &[b' '; 1000]).await;
    assert!((60..65).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_rests_between_requests_is_kept() {
    let (house, _bus) = house().await;
    let mut client = house.connect(1024);
    for _ in 0..3 {
        client.write_all(HEAD).await.expect("it is read");
        let mut answer = [0; 12];
        client
            .read_exact(&mut answer)
            .await
            .expect("it is answered");
        assert_eq!(&answer, b"HTTP/1.1 204");
        sleep(Duration::from_secs(1800)).await;
        let mut rest = [0; 1024];
        let count = client.read(&mut rest).await.expect("the rest of the head");
        assert!(0 < count);
    }
    assert!(1700 < until_closed(&mut client).await.1);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_reads_nothing_is_disconnected() {
    let (house, _bus) = house().await;
    // The head fits, and a few pings.
    let mut client = house.connect(400);
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("it is read");
    sleep(Duration::from_secs(100)).await;
    assert_eq!(house.desk.hub.streams_count(), 0);
    assert_eq!(house.too_slow(), 1);
    let (read, seconds) = until_closed(&mut client).await;
    assert!(
        read.starts_with("HTTP/1.1 200 OK\r\n") && !read.ends_with("0\r\n\r\n"),
        "{read}"
    );
    assert_eq!(seconds, 0);
}

/// The beginnings of requests for streams of each form.
const STREAMS: [&str; 3] = [
    "/",
    "/_bus/events",
    "/_bus/events/ HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX:",
];

/// Also where pings are too small to fill what the system keeps.
#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_an_event_is_disconnected_and_counted() {
    for path in STREAMS {
        let (house, _bus) = house().await;
        let mut client = house.connect(400);
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let sent = client.write_all(request.as_bytes()).await;
        sent.expect("it is read");
        let mut publisher = house.connect(10_000);
        let body = format!("{{\"x\": \"{}\"}}", "x".repeat(1000));
        let length = body.len();
        let request =
            format!("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
        sleep(Duration::from_secs(1)).await;
        let sent = publisher.write_all(request.as_bytes()).await;
        sent.expect("it is read");
        sleep(Duration::from_secs(20)).await;
        let streams_count = || house.desk.hub.streams_count();
        assert_eq!((house.too_slow(), streams_count()), (0, 1), "{path}");
        sleep(Duration::from_secs(20)).await;
        assert_eq!((house.too_slow(), streams_count()), (1, 0), "{path}");
    }
}

/// It would hold what it was about to read until it has read nothing for half a minute.
#[tokio::test(start_paused = true)]
async fn a_reader_for_whom_too_much_waits_is_disconnected_then_and_not_later() {
    for path in STREAMS {
        let (house, _bus) = house_of(3).await;
        let mut stalled = house.connect(400);
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stalled
            .write_all(request.as_bytes())
            .await
            .expect("it is read");
        let mut publisher = house.connect(10_000);
        for _ in 0..20 {
            let request = b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
            publisher.write_all(request).await.expect("it is read");
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(
            (house.too_slow(), house.desk.hub.streams_count()),
            (1, 0),
            "{path}"
        );
        let (read, _) = until_closed(&mut stalled).await;
        assert!(
            read.starts_with("HTTP/1.1 ") && !read.ends_with("0\r\n\r\n"),
            "{path}: {read}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_pings_every_five_seconds() {
    let (house, _bus) = house().await;
    let mut client = house.connect(10_000);
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("it is read");
    sleep(Duration::from_millis(15_500)).await;
    house.desk.hub.end_streams();
    let (read, _) = until_closed(&mut client).await;
    assert_eq!(read.matches("{\"stillalive\": ").count(), 4, "{read}");
    assert!(read.ends_with("}\n\r\n0\r\n\r\n"), "{read}");
}

#[tokio::test(start_paused = true)]
async fn a_house_that_closes_finishes_requests_and_waits_for_none() {
    let (house, _bus) = house().await;
    let mut silent = house.connect(1024);
    let mut resting = house.connect(1024);
    resting.write_all(HEAD).await.expect("it is read");
    let mut publishing = house.connect(1024);
    publishing
        .write_all(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        .await
        .expect("it is read");
    sleep(Duration::from_millis(10)).await;
    house.closing.cancel();
    assert!(until_closed(&mut silent).await.0.is_empty());
    let (read, _) = until_closed(&mut resting).await;
    assert!(read.starts_with("HTTP/1.1 204"), "{read}");
    publishing.write_all(b"}").await.expect("it is read");
    let (read, _) = until_closed(&mut publishing).await;
    assert!(read.starts_with("HTTP/1.1 202 Accepted\r\n"), "{read}");
    drop((silent, resting, publishing));
    house.talks.close();
    house.talks.wait().await;
}

/// So it comes in where a gateway listens on `::`.
#[tokio::test(start_paused = true)]
async fn who_may_publish_may_so_too_by_an_address_that_ipv6_carries() {
    let (house, _bus) = house().await;
    for (peer, status) in [
        ("127.0.0.1", "202"),
        ("::ffff:127.0.0.1", "202"),
        ("::ffff:127.0.0.2", "403"),
        ("::1", "403"),
        ("::127.0.0.1", "403"),
    ] {
        let mut client = house.connect_from(peer.parse().expect(peer), 10_000);
        let request =
            b"PUT /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
        client.write_all(request).await.expect("it is read");
        let mut start = [0; 12];
        client.read_exact(&mut start).await.expect("it is answered");
        assert_eq!(&start[9..], status.as_bytes(), "{peer}");
    }
}

/// A stream must not take the connection from an answer that is still on its way.
#[tokio::test(start_paused = true)]
async fn a_stream_begins_behind_the_answers_before_it() {
    let (house, _bus) = house().await;
    let mut client = house.connect(100);
    let row = [HEAD, HEAD, HEAD, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
    let sending = async {
        let (mut reading, mut writing) = tokio::io::split(&mut client);
        let read = async {
            let mut read = String::new();
            while !read.contains("stillalive") {
                let mut bytes = [0; 7];
                sleep(Duration::from_millis(1)).await;
                let count = reading
                    .read(&mut bytes)
                    .await
                    .expect("it is read from memory");
                read.push_str(std::str::from_utf8(&bytes[..count]).expect("it is a text"));
            }
            read
        };
        let (read, written) = tokio::join!(read, writing.write_all(&row));
        written.expect("it is read");
        read
    };
    let read = sending.await;
    assert_eq!(
        read.matches("HTTP/1.1 204 No Content\r\n").count(),
        3,
        "{read}"
    );
    assert_eq!(read.matches("HTTP/1.1 200 OK\r\n").count(), 1, "{read}");
    let stream = read.split("HTTP/1.1 200 OK").nth(1).expect("it is there");
    assert!(stream.contains("X-Requests: 4\r\n"), "{stream}");
}

#[tokio::test(start_paused = true)]
async fn what_happens_again_and_again_is_said_now_and_then() {
    let mut rarely = super::Rarely::default();
    let mut said_count = 0;
    for _ in 0..100 {
        said_count += u32::from(rarely.is_time());
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(said_count, 2);
}

/// There are many of them, and nearly all of them wait.
#[test]
fn a_stream_is_a_small_task() {
    fn size<F: Future>(_: fn(TcpStream, Opening, Duration, Place) -> F) -> usize {
        std::mem::size_of::<F>()
    }
    let bytes = size(streaming::run::<TcpStream>);
    assert!(bytes <= 1200, "{bytes}");
}
