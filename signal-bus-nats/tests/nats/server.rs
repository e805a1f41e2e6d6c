//! A real `nats-server`, on a port and with a store of its own; killed and started again as a test likes.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// A server that ends with the test.
pub(crate) struct Server {
    child: Option<Child>,
    pub(crate) port: u16,
    directory: PathBuf,
    jetstream: bool,
}

impl Server {
    /// A server with `JetStream`.
    pub(crate) fn start() -> Self {
        Self::with("", &["-js"])
    }

    /// A server with further lines of configuration.
    pub(crate) fn with(config: &str, arguments: &[&str]) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("signal-bus-nats-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let mut server = Self {
            child: None,
            port: free_port(),
            jetstream: arguments.contains(&"-js"),
            directory,
        };
        server.configure(config);
        server.run();
        server
    }

    /// Starts it, again on the same port and with the same store.
    pub(crate) fn run(&mut self) {
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string()]);
        command.arg("-c").arg(self.directory.join("server.conf"));
        command.arg("-l").arg(self.directory.join("log"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn();
        self.child = Some(child.expect("nats-server is installed: `apt-get install nats-server`"));
        let deadline = Instant::now() + Duration::from_secs(10);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        while TcpStream::connect(address).is_err() {
            assert!(
                Instant::now() < deadline,
                "nats-server does not start: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn restart(&mut self) {
        self.kill();
        self.run();
    }

    /// Has it end by a signal of the system, and starts it again.
    pub(crate) fn end(&mut self, signal: &str) {
        self.signal(signal);
        self.child.take().map(|mut child| child.wait().unwrap());
        self.run();
    }

    /// Sends it a signal of the system: `CONT`, `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id();
        let mut sent = Command::new("kill");
        sent.args([format!("-{name}"), id.to_string()]);
        assert!(sent.status().unwrap().success());
    }

    /// Stops it; it does not end, and does nothing, until it gets `CONT`.
    pub(crate) fn stop(&self) {
        self.signal("STOP");
        // The signal is sent, but each of its threads stops when it comes to that.
        let id = self.child.as_ref().expect("it runs").id();
        let stands = |thread: &std::path::Path| {
            let state = std::fs::read_to_string(thread.join("stat"));
            state.is_ok_and(|state| state.contains(") T "))
        };
        let all_stand = || {
            let mut threads = std::fs::read_dir(format!("/proc/{id}/task")).expect("this is Linux");
            threads.all(|thread| thread.is_ok_and(|thread| stands(&thread.path())))
        };
        while !all_stand() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Has it read another configuration.
    pub(crate) fn reload(&self, config: &str) {
        self.configure(config);
        self.signal("HUP");
    }

    /// With `-js` alone, a server that reads its configuration again ends its `JetStream`.
    fn configure(&self, config: &str) {
        let store = self.directory.join("store");
        let jetstream = match self.jetstream {
            true => format!(
                "jetstream: {{ store_dir: {:?} }}",
                store.display().to_string()
            ),
            false => String::new(),
        };
        let config = format!("{config}\n{jetstream}\n");
        std::fs::write(self.directory.join("server.conf"), config).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

/// A port that is free, below those that the system gives to clients: one of them could come from there while the server is away, and
/// a client that looks for the server could even find itself.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id() * 64 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + u16::try_from(number % 20_000).expect("it is less");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
