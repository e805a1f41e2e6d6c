//! Who a bus is to the server, and the server to it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use async_nats::{Auth, AuthError, ConnectOptions};
use nkeys::KeyPair;
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

impl Credentials {
    /// Options with them, and nothing else.
    pub(crate) fn options(&self) -> Result<ConnectOptions, TransportError> {
        let options = ConnectOptions::new();
        Ok(match self {
            Self::None => options,
            Self::Token(token) => options.token(token.clone()),
            Self::UserAndPassword(user, password) => {
                options.user_and_password(user.clone(), password.clone())
            }
            Self::Nkey(seed) => options.nkey(seed.clone()),
            Self::File(path) => credentials_of(path)?,
        })
    }
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

/// Options with the credentials of a file, which is read anew for each connection: what it holds ends some day, and somebody puts
/// what comes next there. While it cannot be read, those that were read last are used: somebody may be writing it.
fn credentials_of(path: &Path) -> Result<ConnectOptions, TransportError> {
    let told = |error: io::Error| {
        let what = format!("the credentials file {}", path.display());
        failed(TransportFault::Unauthorized, what, &error)
    };
    let last = Mutex::new(read(path).map_err(told)?);
    let path = path.to_owned();
    Ok(ConnectOptions::with_auth_callback(move |nonce| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        match read(&path) {
            Ok(read) => *last = read,
            Err(error) => {
                let file = path.display();
                tracing::warn!("the credentials file {file} is used as it was before: {error}");
            }
        }
        std::future::ready(sign(&last, &nonce).map_err(AuthError::new))
    }))
}

/// Who credentials are for says so under what the server has asked.
fn sign((token, keys): &(String, KeyPair), nonce: &[u8]) -> io::Result<Auth> {
    let mut auth = Auth::new();
    auth.jwt = Some(token.clone());
    auth.signature = Some(keys.sign(nonce).map_err(io::Error::other)?);
    Ok(auth)
}

/// The token of a credentials file, and the keys it is for.
fn read(path: &Path) -> io::Result<(String, KeyPair)> {
    parts(&std::fs::read_to_string(path)?)
}

fn parts(written: &str) -> io::Result<(String, KeyPair)> {
    // As some editors begin a file.
    let written = written.trim_start_matches('\u{feff}');
    let part = |name: &str| {
        let missing = || {
            let what = format!("it has nothing below `-----BEGIN {name}-----`");
            io::Error::new(io::ErrorKind::InvalidData, what)
        };
        let mut lines = written.lines().map(str::trim);
        let begin = lines.find(|line| line.starts_with("---") && line.contains(name));
        let part = begin.and_then(|_| lines.next());
        part.filter(|part| !part.is_empty() && !part.starts_with("---"))
            .ok_or_else(missing)
    };
    let token = part("NATS USER JWT")?.to_owned();
    let keys = KeyPair::from_seed(part("USER NKEY SEED")?);
    keys.map(|keys| (token, keys))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// An address as it may be shown.
pub(crate) fn without_secrets(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("nats", address));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{}", host.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use nkeys::KeyPair;

    use super::parts;

    #[test]
    fn credentials_are_read_however_the_lines_of_a_file_end() {
        let keys = KeyPair::new_user();
        let seed = keys.seed().unwrap();
        let written = format!(
            "-----BEGIN NATS USER JWT-----\nto.ke.n\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let of_windows = format!("\u{feff}{}", written.replace('\n', "\r\n"));
        for written in [&written, &of_windows] {
            let (token, read) = parts(written).unwrap();
            assert_eq!((&*token, read.public_key()), ("to.ke.n", keys.public_key()));
        }
        for part in ["to.ke.n\n", "to.ke.n", &seed] {
            assert!(parts(&written.replace(part, "")).is_err(), "{part}");
        }
        let half = |length| parts(&written[..length]).is_ok();
        let seed_ends = written.find(&seed).unwrap() + seed.len();
        assert!(!(0..seed_ends).any(half) && half(seed_ends));
    }
}
