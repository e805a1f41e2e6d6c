//! Users whom an LDAP server knows.

use std::{
    collections::HashMap,
    io,
    net::{TcpStream, ToSocketAddrs as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::Uri;
use ldap3::{
    LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, dn_escape, ldap_escape,
};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

use crate::{
    access::{acl::Rights, basic::Login},
    config::DirectoryConfig,
    mutex::lock,
};

/// A server that takes longer has said no.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// For so long an answer holds.
const REMEMBERED: Duration = Duration::from_secs(30);
/// So many answers are remembered.
const ANSWERS_MAX: usize = 1024;

/// What stands for a login, so that no password is kept.
type Fingerprint = [u8; 32];
/// When a server has answered, and what.
type Answer = (Instant, Arc<Rights>);

/// An LDAP server, and what it has said lately.
#[derive(Debug)]
pub(crate) struct Directory {
    config: DirectoryConfig,
    answers: Mutex<HashMap<Fingerprint, Answer>>,
    failures: AtomicU64,
}

impl Directory {
    pub(crate) fn new(config: DirectoryConfig) -> Self {
        Self {
            config,
            answers: Mutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    /// How often the server has not answered.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The rights of a user; none if the server does not know the user, or does not answer.
    pub(crate) async fn rights(&self, login: &Login) -> Arc<Rights> {
        // Many servers take an empty password for nobody's, and say yes (RFC 4513, 5.1.2).
        if login.password.is_empty() || login.user.is_empty() {
            return Arc::default();
        }
        let key = fingerprint(login);
        if let Some(rights) = self.remembered(&key) {
            return rights;
        }
        let rights = match timeout(ANSWER_TIMEOUT, self.ask(login)).await {
            Ok(Ok(rights)) => rights,
            Ok(Err(LdapError::LdapResult { result })) => {
                tracing::info!("the LDAP server refuses a user: {result}");
                return Arc::default();
            }
            Ok(Err(error)) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("the LDAP server cannot be asked: {error}");
                return Arc::default();
            }
            Err(_) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("the LDAP server does not answer within {ANSWER_TIMEOUT:?}");
                return Arc::default();
            }
        };
        self.remember(key, &rights);
        rights
    }

    async fn ask(&self, login: &Login) -> Result<Arc<Rights>, LdapError> {
        let settings = LdapConnSettings::new().set_conn_timeout(ANSWER_TIMEOUT);
        let (connection, mut ldap) =
            LdapConnAsync::with_settings(settings, &self.config.uri.value).await?;
        let questions = async {
            let dn = self
                .config
                .user_dn
                .replace("%s", &dn_escape(login.user.as_str()));
            ldap.simple_bind(&dn, &login.password).await?.success()?;
            let mut names = Vec::new();
            for pattern in &self.config.membership_patterns {
                let filter = pattern.replace("%s", &ldap_escape(login.user.as_str()));
                let found = ldap
                    .search(
                        &self.config.base_scope,
                        Scope::Subtree,
                        &filter,
                        vec!["1.1"],
                    )
                    .await?;
                let (entries, _) = found.success()?;
                names.extend(
                    entries
                        .into_iter()
                        .map(|entry| SearchEntry::construct(entry).dn),
                );
            }
            Ok::<_, LdapError>(names)
        };
        // The connection's own part ends when it is dropped, together with the questions.
        let names: Vec<String> = tokio::select! {
            names = questions => names?,
            driven = connection.drive() => {
                driven?;
                return Ok(Arc::default());
            }
        };
        let groups = self.config.groups.iter();
        let is_member = |name: &String| names.contains(name);
        let rights = groups
            .filter(|(name, _)| is_member(name))
            .map(|(_, rights)| &**rights);
        Ok(Arc::new(Rights::united(rights)))
    }

    fn remembered(&self, key: &Fingerprint) -> Option<Arc<Rights>> {
        let answers = lock(&self.answers);
        let (since, rights) = answers.get(key)?;
        (since.elapsed() < REMEMBERED).then(|| Arc::clone(rights))
    }

    fn remember(&self, key: Fingerprint, rights: &Arc<Rights>) {
        let mut answers = lock(&self.answers);
        if ANSWERS_MAX <= answers.len() {
            answers.retain(|_, (since, _)| since.elapsed() < REMEMBERED);
        }
        if answers.len() < ANSWERS_MAX {
            answers.insert(key, (Instant::now(), Arc::clone(rights)));
        }
    }
}

/// Looks whether anybody listens where the server should be. Blocks, for 3 s at most.
pub(crate) fn reach(uri: &str) -> io::Result<()> {
    let parsed: Uri = uri.parse().map_err(io::Error::other)?;
    let port = match (parsed.port_u16(), parsed.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("ldap")) => 389,
        (None, Some("ldaps")) => 636,
        // A socket of this machine has no port.
        (None, _) => return Ok(()),
    };
    let host = parsed.host().unwrap_or_default().trim_matches(['[', ']']);
    let mut failure = io::ErrorKind::NotFound.into();
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, ANSWER_TIMEOUT) {
            Ok(_) => return Ok(()),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn fingerprint(login: &Login) -> Fingerprint {
    let mut hash = Sha256::new();
    // The length keeps `ab` + `c` from `a` + `bc`.
    hash.update(login.user.len().to_le_bytes());
    hash.update(login.user.as_bytes());
    hash.update(login.password.as_bytes());
    hash.finalize().into()
}
