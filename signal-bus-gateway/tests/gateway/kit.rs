//! A gateway on a free port, and clients that speak raw bytes.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use signal_bus_gateway::{Compat, Server, ServerError, Setup};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder that is removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("signal-bus-gateway-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("there is room for a folder");
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("there is room for a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

/// A gateway that listens on this machine, where everybody may publish.
pub(crate) struct Gateway {
    pub(crate) server: Server,
    pub(crate) folder: Folder,
}

/// How a gateway is configured.
#[derive(Clone, Default)]
pub(crate) struct Config {
    /// Lines below `server:`.
    pub(crate) server: String,
    /// Lines below `clients:`, if other than that this machine may publish.
    pub(crate) clients: Option<String>,
    pub(crate) acl: Option<String>,
    pub(crate) compat: Compat,
}

impl Config {
    pub(crate) fn server(lines: &str) -> Self {
        Self {
            server: lines.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn clients(mut self, lines: &str) -> Self {
        self.clients = Some(lines.to_owned());
        self
    }

    pub(crate) fn acl(mut self, text: &str) -> Self {
        self.acl = Some(text.to_owned());
        self
    }

    pub(crate) fn upstream(mut self) -> Self {
        self.compat = Compat::Upstream;
        self
    }

    /// The configuration as a text; `DIR` in it is the folder.
    pub(crate) fn text(&self, folder: &Folder) -> String {
        let clients = self
            .clients
            .as_deref()
            .unwrap_or("  payloaders: [127.0.0.1]");
        let port = if self.server.starts_with("  port: ") {
            ""
        } else {
            "  port: 0\n"
        };
        let text = format!(
            "server:\n  bind: 127.0.0.1\n{port}{}\nclients:\n{clients}\n",
            self.server
        );
        text.replace("DIR", &folder.0.display().to_string())
    }

    pub(crate) async fn start(self) -> Gateway {
        self.start_in(Folder::new()).await.expect("it starts")
    }

    pub(crate) async fn start_in(self, folder: Folder) -> Result<Gateway, ServerError> {
        if let Some(acl) = &self.acl {
            folder.write("acl.yaml", acl);
        }
        let setup = Setup::of_text("pypubsub.yaml", &self.text(&folder));
        let setup = setup.acl(folder.0.join("acl.yaml")).compat(self.compat);
        let server = Server::start(&setup).await?;
        Ok(Gateway { server, folder })
    }
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        Config::default().start().await
    }

    pub(crate) async fn connect(&self) -> Raw<TcpStream> {
        connect(self.server.address()).await
    }

    /// Sends bytes on a connection of their own, and reads one answer.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut raw = self.connect().await;
        raw.send(request).await;
        raw.answer().await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> u16 {
        self.ask(put(path, body)).await.status()
    }

    /// Opens a stream, and reads it up to the first ping.
    pub(crate) async fn subscribe(&self, path: &str) -> Raw<TcpStream> {
        self.subscribe_with(path, "").await
    }

    /// Opens a stream with lines of a head, each with its end.
    pub(crate) async fn subscribe_with(&self, path: &str, headers: &str) -> Raw<TcpStream> {
        let mut raw = self.open(path, headers).await;
        assert_ping(&raw.line().await);
        raw
    }

    /// Opens a stream, and reads its head.
    pub(crate) async fn open(&self, path: &str, headers: &str) -> Raw<TcpStream> {
        let mut raw = self.connect().await;
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"))
            .await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        raw
    }
}

pub(crate) fn put(path: &str, body: &str) -> String {
    format!(
        "PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The line of a login.
pub(crate) fn login(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {coded}\r\n")
}

#[track_caller]
pub(crate) fn assert_ping(line: &str) {
    let time = line
        .strip_prefix("{\"stillalive\": ")
        .and_then(|rest| rest.strip_suffix("}\n"));
    assert!(
        time.is_some_and(|time| time.contains('.') && time.parse::<f64>().is_ok()),
        "{line}"
    );
}

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        let status = self
            .head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no status: {self:?}"))
    }

    /// All of it, with `DATE` in place of the date.
    pub(crate) fn bytes(&self) -> String {
        format!("{}{}", undated(&self.head), self.body)
    }
}

/// A head with `DATE` in place of its date.
pub(crate) fn undated(head: &str) -> String {
    let lines = head
        .split("\r\n")
        .map(|line| match line.strip_prefix("Date: ") {
            Some(date) if httpdate::parse_http_date(date).is_ok() => "Date: DATE",
            _ => line,
        });
    lines.collect::<Vec<_>>().join("\r\n")
}

pub(crate) async fn connect(address: SocketAddr) -> Raw<TcpStream> {
    let stream = TcpStream::connect(address).await;
    Raw::new(stream.expect("somebody listens"))
}

/// A connection that is spoken by hand.
pub(crate) struct Raw<S> {
    pub(crate) stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            read: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .expect("the other side reads");
    }

    /// Sends to somebody who may have closed.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .unwrap_or_default();
    }

    /// Reads more; nothing at the end.
    async fn more(&mut self) -> Option<()> {
        let mut bytes = [0; 4096];
        let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await;
        let read = read.unwrap_or_else(|_| {
            panic!(
                "nothing more comes after {:?}",
                String::from_utf8_lossy(&self.read)
            )
        });
        let count = read.ok().filter(|count| 0 < *count)?;
        self.read.extend_from_slice(&bytes[..count]);
        Some(())
    }

    /// The next bytes.
    pub(crate) async fn take(&mut self, count: usize) -> String {
        while self.read.len() < count {
            let more = self.more().await;
            more.unwrap_or_else(|| {
                panic!("it ends early: {:?}", String::from_utf8_lossy(&self.read))
            });
        }
        String::from_utf8(self.read.drain(..count).collect()).expect("all of it is a text")
    }

    /// The next bytes, or those that come before the end.
    pub(crate) async fn take_some(&mut self, count: usize) -> String {
        while self.read.len() < count && self.more().await.is_some() {}
        self.take(count.min(self.read.len())).await
    }

    /// Everything up to these bytes, and with them.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        let found = self.try_until(end).await;
        found.unwrap_or_else(|| panic!("it ends early: {:?}", String::from_utf8_lossy(&self.read)))
    }

    /// Everything up to these bytes; nothing if it ends before that.
    pub(crate) async fn try_until(&mut self, end: &str) -> Option<String> {
        loop {
            let found = self
                .read
                .windows(end.len())
                .position(|part| part == end.as_bytes());
            if let Some(found) = found {
                return Some(self.take(found + end.len()).await);
            }
            self.more().await?;
        }
    }

    pub(crate) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// One answer, by its length.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let length = head.to_ascii_lowercase();
        let length = length
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next());
        let length = length.map_or(0, |length| length.parse().expect("a length is a number"));
        Answer {
            body: self.take(length).await,
            head,
        }
    }

    /// One chunk, with its length and its ends.
    pub(crate) async fn chunk(&mut self) -> String {
        let size = self.until("\r\n").await;
        let length = usize::from_str_radix(size.trim_end(), 16).expect("a size is hexadecimal");
        size + &self.take(length + 2).await
    }

    /// What is in one chunk, which is one line.
    pub(crate) async fn line(&mut self) -> String {
        let chunk = self.chunk().await;
        let (_, rest) = chunk.split_once("\r\n").expect("a chunk has a size");
        let line = rest.strip_suffix("\r\n").expect("a chunk ends");
        assert_eq!(
            line.matches('\n').count(),
            usize::from(!line.is_empty()),
            "{line}"
        );
        line.to_owned()
    }

    /// The next line that is not a ping.
    pub(crate) async fn event(&mut self) -> String {
        loop {
            let line = self.line().await;
            if !line.starts_with("{\"stillalive\": ") {
                return line;
            }
        }
    }

    /// What comes until nothing comes for a moment.
    pub(crate) async fn first_answers(&mut self) -> String {
        while let Ok(Some(())) = timeout(Duration::from_millis(5), self.more()).await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> String {
        while self.more().await.is_some() {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }
}

/// The value of a field, as it is written.
pub(crate) fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let start = format!("\"{name}\": ");
    let from = line
        .find(&start)
        .unwrap_or_else(|| panic!("no {name} in {line}"))
        + start.len();
    let rest = &line[from..];
    let end = match rest.as_bytes()[0] {
        b'[' => rest.find(']').map(|end| end + 1),
        b'"' => rest[1..].find('"').map(|end| end + 2),
        _ => rest.find([',', '}']),
    };
    &rest[..end.expect("a value ends")]
}

/// The cursor of an event.
pub(crate) fn cursor(line: &str) -> &str {
    field(line, "pubsub_cursor").trim_matches('"')
}
