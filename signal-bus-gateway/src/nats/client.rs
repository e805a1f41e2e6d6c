//! Who the gateway is to NATS, and which key has to do with what is in the way.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use signal_bus::transport::TransportFault;
use signal_bus_nats::{LogError, Nats};

use crate::{
    config::{
        StreamConfig, Written,
        stream::{Login, Secret},
    },
    problem::Problems,
};

/// How long a publisher waits for the server; less than a stop waits for publishers.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(7);
/// What is told to the client: who we are, and whom we trust.
pub(super) fn client(
    nats: &StreamConfig,
    patience: Duration,
    problems: &mut Problems,
) -> Option<Nats> {
    let mut client = match Nats::at(&nats.servers.value) {
        Ok(client) => client
            .client_name("signal-bus-gateway")
            .wait_for_server(patience)
            .publish_timeout(PUBLISHED_WITHIN),
        Err(error) => {
            problems.refuse(nats.servers.line, "nats.servers", error.to_string());
            return None;
        }
    };
    if let Some(ca) = &nats.ca {
        client = client.root_certificates(readable(ca, "nats.ca", problems)?);
    }
    if let Some((certificate, key)) = &nats.certificate {
        let certificate = readable(certificate, "nats.cert", problems)?;
        client = client.client_certificate(certificate, readable(key, "nats.key", problems)?);
    }
    Some(match &nats.login {
        None => client,
        Some(Login::Credentials(file)) => {
            client.credentials_file(readable(file, "nats.credentials", problems)?)
        }
        Some(Login::Password { user, password }) => {
            client.user_and_password(&user.value, secret(password, problems)?)
        }
    })
}

fn readable<'a>(
    file: &'a Written<PathBuf>,
    key: &str,
    problems: &mut Problems,
) -> Option<&'a Path> {
    match fs::File::open(&file.value) {
        Ok(_) => Some(&file.value),
        Err(error) => {
            let text = format!(
                "expected a file that can be read, {} cannot: {error}",
                file.value.display()
            );
            problems.refuse(file.line, key, text);
            None
        }
    }
}

fn secret(written: &Written<Secret>, problems: &mut Problems) -> Option<String> {
    let (key, found) = match &written.value {
        Secret::File(path) => {
            let found = fs::read_to_string(path);
            let found =
                found.map_err(|error| format!("{} cannot be read: {error}", path.display()));
            ("nats.password_file", found)
        }
        Secret::Variable(name) => {
            let found = std::env::var(name);
            let found =
                found.map_err(|_| format!("the environment has no `{name}` that is a text"));
            ("nats.password_env", found)
        }
    };
    let found = found.and_then(|found| {
        let password = found.trim_end_matches(['\r', '\n']);
        let is_there = !password.is_empty();
        is_there
            .then(|| password.to_owned())
            .ok_or_else(|| "it is empty".to_owned())
    });
    match found {
        Ok(password) => Some(password),
        Err(why) => {
            problems.refuse(written.line, key, format!("expected a password, {why}"));
            None
        }
    }
}

/// Names the key that has to do with an error.
pub(super) fn note(nats: &StreamConfig, error: &LogError, problems: &mut Problems) {
    match error {
        LogError::Connect(why) if why.fault() != TransportFault::Unauthorized => {
            problems.refuse(nats.servers.line, "nats.servers", why.to_string());
        }
        LogError::Connect(why) if why.to_string().contains("TLS") => {
            let (line, key) = match &nats.ca {
                Some(ca) => (ca.line, "nats.ca"),
                None => (nats.servers.line, "nats.servers"),
            };
            problems.refuse(line, key, why.to_string());
        }
        LogError::Connect(why) => {
            let (line, key) = match &nats.login {
                None => (nats.line, "nats"),
                Some(Login::Credentials(file)) => (file.line, "nats.credentials"),
                Some(Login::Password { user, .. }) => (user.line, "nats.user"),
            };
            problems.refuse(line, key, why.to_string());
        }
        LogError::Topics(why) => {
            problems.refuse(nats.subject.line, "nats.subject", why.to_string());
        }
        LogError::Stream(why) if why.fault() == TransportFault::Missing => {
            let text = format!("{why}; make it, or write `create: true`");
            problems.refuse(nats.stream.line, "nats.stream", text);
        }
        other => problems.refuse(nats.stream.line, "nats.stream", other.to_string()),
    }
}
