//! Streams and publishers, as plain as they can be: whatever they take, the server does not get.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};

/// PyPubSub lets so many wait to be let in; more would try again a second later.
const KNOCKING_MAX: usize = 100;
const LOOK_PERIOD: Duration = Duration::from_millis(1);
const READ_BYTES_MAX: usize = 64 * 1024;

/// What streams have heard, all of them together.
pub(crate) struct Heard {
    began: Instant,
    is_timed: bool,
    pub(crate) opened: AtomicU64,
    pub(crate) ended: AtomicU64,
    pub(crate) pings: AtomicU64,
    pub(crate) events: AtomicU64,
    /// From the publish to the stream, in microseconds.
    latencies: Mutex<Vec<u64>>,
}

impl Heard {
    pub(crate) fn new(is_timed: bool) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            is_timed,
            opened: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            pings: AtomicU64::new(0),
            events: AtomicU64::new(0),
            latencies: Mutex::new(Vec::new()),
        })
    }

    /// Microseconds since the beginning; an event carries them.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The latencies since the last look, sorted.
    pub(crate) fn take_latencies(&self) -> Vec<u64> {
        let mut latencies = self
            .latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut taken = std::mem::take(&mut *latencies);
        taken.sort_unstable();
        taken
    }

    fn note(&self, line: &[u8]) {
        if let Some(rest) = line.strip_prefix(b"{\"sent\": ") {
            self.events.fetch_add(1, Ordering::Relaxed);
            if self.is_timed {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
                let sent = digits.fold(0, |sent, digit| sent * 10 + u64::from(digit - b'0'));
                let mut latencies = self
                    .latencies
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                latencies.push(self.now().saturating_sub(sent));
            }
        } else if line.starts_with(b"{\"stillalive\"") {
            self.pings.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The beginning of each line, however the bytes come.
struct Lines {
    start: [u8; 48],
    length: usize,
}

impl Lines {
    fn new() -> Self {
        Self {
            start: [0; 48],
            length: 0,
        }
    }

    fn read(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            self.keep(part);
            line(&self.start[..self.length]);
            self.length = 0;
        }
        self.keep(last);
    }

    fn keep(&mut self, part: &[u8]) {
        let count = part.len().min(self.start.len() - self.length);
        self.start[self.length..self.length + count].copy_from_slice(&part[..count]);
        self.length += count;
    }
}

/// Streams, each a task; they end when this is dropped.
pub(crate) struct Streams {
    tasks: JoinSet<()>,
    pub(crate) heard: Arc<Heard>,
}

impl Streams {
    pub(crate) fn new(is_timed: bool) -> Self {
        Self {
            tasks: JoinSet::new(),
            heard: Heard::new(is_timed),
        }
    }

    /// Opens a stream for each path, and waits until all of them have begun.
    pub(crate) async fn open(
        &mut self,
        address: SocketAddr,
        paths: impl Iterator<Item = String>,
    ) -> anyhow::Result<()> {
        let knocking = Arc::new(Semaphore::new(KNOCKING_MAX));
        let before = self.heard.pings.load(Ordering::Relaxed);
        let mut count = before;
        for path in paths {
            count += 1;
            let permit = Arc::clone(&knocking).acquire_owned().await?;
            let heard = Arc::clone(&self.heard);
            self.tasks.spawn(async move {
                let opened = open(address, &path, None).await;
                drop(permit);
                if let Ok(mut stream) = opened {
                    heard.opened.fetch_add(1, Ordering::Relaxed);
                    listen(&mut stream, &heard).await.unwrap_or_default();
                }
                heard.ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        // Each begins with a sign of life.
        while self.heard.pings.load(Ordering::Relaxed) < count {
            if 0 < self.heard.ended.load(Ordering::Relaxed) {
                bail!("a stream is refused");
            }
            sleep(LOOK_PERIOD).await;
        }
        Ok(())
    }

    /// Waits until at most so many events of those that were sent are on their way.
    pub(crate) async fn until_behind(&self, sent: u64, behind_max: u64) {
        while self.heard.events.load(Ordering::Relaxed) + behind_max < sent {
            sleep(LOOK_PERIOD).await;
        }
    }
}

/// Opens a stream; one that will read nothing gets a small buffer.
pub(crate) async fn open(
    address: SocketAddr,
    path: &str,
    buffer: Option<u32>,
) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let mut stream = socket.connect(address).await?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: load\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

async fn listen(stream: &mut TcpStream, heard: &Heard) -> io::Result<()> {
    let mut lines = Lines::new();
    loop {
        stream.readable().await?;
        // On the stack, or idle streams would hold it.
        let mut bytes = [0; READ_BYTES_MAX];
        match stream.try_read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => lines.read(&bytes[..count], |line| heard.note(line)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Publishes on a connection of its own.
pub(crate) struct Publisher(TcpStream);

impl Publisher {
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("a publisher")?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// Sends requests at once, and waits until all are accepted.
    pub(crate) async fn publish(&mut self, requests: &[String]) -> anyhow::Result<()> {
        self.0.write_all(requests.concat().as_bytes()).await?;
        let (mut lines, mut accepted, mut refused) = (Lines::new(), 0, None);
        while accepted < requests.len() {
            let mut bytes = [0; 4096];
            let count = self.0.read(&mut bytes).await?;
            lines.read(&bytes[..count], |line| {
                if line.starts_with(b"Payload received") {
                    accepted += 1;
                } else if line.starts_with(b"HTTP/1.1 ") && !line.starts_with(b"HTTP/1.1 202") {
                    refused = Some(String::from_utf8_lossy(line).into_owned());
                }
            });
            if let Some(refused) = refused {
                bail!("a publish is refused: {refused}");
            }
            if count == 0 {
                bail!("a publisher is disconnected");
            }
        }
        Ok(())
    }
}

/// A request that publishes an event.
pub(crate) fn request(path: &str, sent: u64, filling: usize) -> String {
    let body = format!(
        "{{\"sent\": {sent}, \"text\": \"{}\"}}",
        "x".repeat(filling)
    );
    let length = body.len();
    format!("PUT {path} HTTP/1.1\r\nHost: load\r\nContent-Length: {length}\r\n\r\n{body}")
}
