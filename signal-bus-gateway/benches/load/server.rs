//! A server in a process of its own: the gateway, or PyPubSub.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::{net::TcpStream, time::sleep};

/// The first start of PyPubSub waits for PyPI.
const START_TRIES: u32 = 3000;
const START_PAUSE: Duration = Duration::from_millis(100);
/// How Linux counts in `/proc`, on all machines that Rust knows.
const TICKS_PER_SECOND: f64 = 100.0;
const ORIGINAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/original/run");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

/// Which server it is.
#[derive(Clone)]
pub(crate) enum Kind {
    Gateway,
    /// PyPubSub, from this checkout.
    Original(PathBuf),
}

impl Kind {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Original(_) => "PyPubSub",
        }
    }

    fn command(&self, port: u16) -> anyhow::Result<Command> {
        Ok(match self {
            Self::Gateway => {
                let file = format!("{FOLDER}/load-{port}.yaml");
                // As `tests/original/run` has it.
                let text = format!(
                    "server:\n  port: {port}\n  bind: 127.0.0.1\n  backlog: {{size: 1000}}\n\
                     clients:\n  payloaders: [127.0.0.1/24]\n"
                );
                fs::write(&file, text)?;
                let mut command = Command::new(env!("CARGO_BIN_EXE_signal-bus-gateway"));
                command.args(["--config", &file, "--acl", "no-such-acl.yaml"]);
                command
            }
            Self::Original(checkout) => {
                let mut command = Command::new(ORIGINAL);
                command.arg(checkout).arg(port.to_string());
                command.env("VENV", format!("{FOLDER}/pypubsub"));
                command
            }
        })
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    /// The process that serves, which may be a child of the one that was started.
    process: u32,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) async fn start(kind: &Kind) -> anyhow::Result<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = free.local_addr()?;
        drop(free);
        let mut command = kind.command(address.port())?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().context(kind.name())?;
        for _ in 0..START_TRIES {
            if let Some(status) = child.try_wait()? {
                bail!("{} ends at once: {status}", kind.name());
            }
            if TcpStream::connect(address).await.is_ok() {
                let process = match kind {
                    Kind::Gateway => child.id(),
                    Kind::Original(_) => child_of(child.id())?,
                };
                return Ok(Self {
                    child,
                    process,
                    address,
                });
            }
            sleep(START_PAUSE).await;
        }
        child.kill()?;
        bail!("{} does not begin to listen", kind.name())
    }

    /// The CPU time it has taken so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.process))?;
        // The second field is the program's name in brackets; the third comes after.
        let (_, rest) = text.rsplit_once(')').context("a name ends")?;
        let mut ticks = 0.0;
        for field in rest.split_whitespace().skip(14 - 3).take(2) {
            ticks += field.parse::<f64>()?;
        }
        Ok(ticks / TICKS_PER_SECOND)
    }

    /// The memory it holds, in KiB.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|line| line.split_whitespace().next());
        Ok(size.context("a process has memory")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The one that serves; whoever has started it cleans up behind it.
        let ended = Command::new("kill").arg(self.process.to_string()).status();
        if !ended.is_ok_and(|status| status.success()) || self.child.wait().is_err() {
            eprintln!("process {} cannot be ended", self.process);
        }
    }
}

fn child_of(process: u32) -> anyhow::Result<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    let first = children.split_whitespace().next();
    Ok(first.context("a script runs its server")?.parse()?)
}
