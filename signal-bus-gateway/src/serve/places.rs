//! How many connections there may be, and what becomes of those for whom there is no room.

use std::{sync::Arc, time::Duration};

use rustix::process::{Resource, getrlimit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Open files that are no connections: the backlog, LDAP, the ACL when it is read again.
const OTHER_FILES: u64 = 64;
/// So many are told at once that there is no room; more are closed without a word.
const FAREWELLS_MAX: usize = 64;
/// How long one of them may take to hear it.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);
const TEXT: &str = "I have as many clients as I can serve, please come back later.\n";

/// The room of one connection, until it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

/// How many connections there is room for in this process: its open files, but for some that others need.
pub(crate) fn room() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let others = OTHER_FILES + u64::try_from(FAREWELLS_MAX).expect("they are few");
    let places = files.saturating_sub(others).max(files / 2);
    usize::try_from(places).map_or(Semaphore::MAX_PERMITS, |places| {
        places.min(Semaphore::MAX_PERMITS)
    })
}

/// The places of all connections.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
}

impl Places {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(max)),
            farewells: Arc::new(Semaphore::new(FAREWELLS_MAX)),
        }
    }

    pub(super) fn take(&self) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    /// Says that there is no room: a client that is left waiting at the door would take it for a network that fails.
    pub(super) fn turn_away(&self, socket: TcpStream) -> Option<impl Future<Output = ()> + use<>> {
        let farewell = Arc::clone(&self.farewells).try_acquire_owned().ok()?;
        Some(async move {
            // Whoever goes early, or does not read, has been told.
            drop(timeout(FAREWELL_TIMEOUT, say(socket)).await);
            drop(farewell);
        })
    }
}

async fn say(mut socket: TcpStream) -> std::io::Result<()> {
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nServer: {}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nRetry-After: 5\r\nConnection: close\r\n\r\n{TEXT}",
        crate::wire::answer::NAME,
        TEXT.len()
    );
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await?;
    // What was sent has to be read: closing on it would take the answer away from the client.
    let mut bytes = [0; 512];
    while 0 < socket.read(&mut bytes).await? {}
    Ok(())
}
