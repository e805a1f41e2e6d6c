//! The address at which clients come in.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
};

use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// So many connections may wait to be let in: bursts of them are common after a restart.
const WAITING_MAX: u32 = 4096;

/// Listens on an address, which may be a name.
pub(crate) async fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let found = lookup_host((host, port)).await;
    let socket = bound(found.map_err(nowhere)?.next())?;
    socket.listen(WAITING_MAX)
}

/// Looks whether this machine has the address, and this user may use it. Whether somebody else does so now is another question:
/// most often it is the gateway that this one replaces.
pub(crate) fn check(host: &str, port: u16) -> io::Result<()> {
    let found = (host, port).to_socket_addrs().map_err(nowhere);
    match found.and_then(|mut found| bound(found.next())) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
        bound => bound.map(drop),
    }
}

fn bound(address: Option<SocketAddr>) -> io::Result<TcpSocket> {
    let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart need not wait until the old connections are forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// A name that nobody knows is no address of this machine.
fn nowhere(error: io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::AddrNotAvailable, error)
}

/// What of an address has to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Host,
    Port,
}

/// What to change, and how, for people who cannot listen.
pub(crate) fn advice(host: &str, port: u16, error: &io::Error) -> (Part, String) {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => (
            Part::Host,
            format!(
                "expected an address of this machine, found `{host}`; `0.0.0.0` means all of them"
            ),
        ),
        io::ErrorKind::AddrInUse => (
            Part::Port,
            format!(
                "expected a free port, another program listens on {host}:{port}; stop it, or choose another port"
            ),
        ),
        io::ErrorKind::PermissionDenied => (
            Part::Port,
            format!(
                "this user may not listen on port {port}; choose one from 1024 on, or allow it (CAP_NET_BIND_SERVICE)"
            ),
        ),
        _ => (
            Part::Port,
            format!("cannot listen on {host}:{port}: {error}"),
        ),
    }
}
