//! Who a bus is to the server, and the server to it.

use std::path::PathBuf;

use signal_bus::transport::{TransportError, TransportFault};

use crate::fault::failed;

#[derive(Clone, Default)]
pub(crate) enum Credentials {
    #[default]
    None,
    Token(String),
    UserAndPassword(String, String),
    Nkey(String),
    File(PathBuf),
}

#[derive(Clone, Default)]
pub(crate) struct Tls {
    pub(crate) required: bool,
    pub(crate) first: bool,
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

/// A file that is there: the client would only say that something is wrong with TLS.
pub(crate) fn there(path: &PathBuf) -> Result<PathBuf, TransportError> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(path.clone()),
        Err(error) => {
            let what = format!("the certificate {}", path.display());
            Err(failed(TransportFault::Unauthorized, what, &error))
        }
    }
}

/// An address as it may be shown.
pub(crate) fn without_secrets(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("nats", address));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{}", host.trim_end_matches('/'))
}
