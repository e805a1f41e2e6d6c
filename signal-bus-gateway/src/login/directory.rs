//! Users whom an LDAP server knows.

use std::{
    io,
    net::{TcpStream, ToSocketAddrs as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::Uri;
use ldap3::{
    LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, dn_escape, ldap_escape,
};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    access::{acl::Rights, basic::Login},
    config::DirectoryConfig,
    login::memory::{Fingerprint, Memory, fingerprint},
};

/// A server that takes longer has said no.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// For so long the rights of a user hold.
const REMEMBERED: Duration = Duration::from_secs(30);
/// For so long a refusal holds: whoever has just got a new password waits no longer.
const REFUSAL_REMEMBERED: Duration = Duration::from_secs(5);
/// So many answers are remembered, of each kind: those who guess take no room from those who know.
const ANSWERS_MAX: usize = 1024;
/// So many questions are asked at once, each on a connection of its own.
const QUESTIONS_MAX: usize = 16;
/// Wrong password, or nobody of that name.
const INVALID_CREDENTIALS: u32 = 49;

/// An LDAP server, and what it has said lately.
#[derive(Debug)]
pub(crate) struct Directory {
    config: DirectoryConfig,
    answers: Memory<Arc<Rights>>,
    refusals: Memory<()>,
    questions: Semaphore,
    failures: AtomicU64,
}

impl Directory {
    pub(crate) fn new(config: DirectoryConfig) -> Self {
        Self {
            config,
            answers: Memory::new(REMEMBERED, ANSWERS_MAX),
            refusals: Memory::new(REFUSAL_REMEMBERED, ANSWERS_MAX),
            questions: Semaphore::new(QUESTIONS_MAX),
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
        if let Some(rights) = self.recall(&key) {
            return rights;
        }
        let asked = async {
            let _question = self.questions.acquire().await;
            // Whoever was before us may have asked the same.
            if let Some(rights) = self.recall(&key) {
                return Ok(rights);
            }
            let answer = self.ask(login).await;
            match &answer {
                Ok(rights) => self.answers.note(key, Arc::clone(rights)),
                Err(LdapError::LdapResult { result }) if result.rc == INVALID_CREDENTIALS => {
                    self.refusals.note(key, ());
                }
                Err(_) => {}
            }
            answer
        };
        // The time in the line counts, too: a flood of questions delays nobody for longer.
        match timeout(ANSWER_TIMEOUT, asked).await {
            Ok(Ok(rights)) => return rights,
            Ok(Err(LdapError::LdapResult { result })) => {
                tracing::info!("the LDAP server refuses a user: {result}");
            }
            Ok(Err(error)) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("the LDAP server cannot be asked: {error}");
            }
            Err(_) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("the LDAP server does not answer within {ANSWER_TIMEOUT:?}");
            }
        }
        Arc::default()
    }

    /// What the server has said of a login lately.
    fn recall(&self, key: &Fingerprint) -> Option<Arc<Rights>> {
        let is_refused = || self.refusals.recall(key).map(|()| Arc::default());
        self.answers.recall(key).or_else(is_refused)
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
}

/// Looks whether anybody listens where the server should be. Blocks, for 3 s at most.
pub(crate) fn reach(uri: &str) -> io::Result<()> {
    // A socket of this machine has no port.
    if uri.starts_with("ldapi://") {
        return Ok(());
    }
    let parsed: Uri = uri.parse().map_err(io::Error::other)?;
    let usual = if parsed.scheme_str() == Some("ldaps") {
        636
    } else {
        389
    };
    let port = parsed.port_u16().unwrap_or(usual);
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        time::{Instant, advance, pause, resume},
    };
    use tokio_util::task::TaskTracker;

    use super::{ANSWER_TIMEOUT, Directory, QUESTIONS_MAX, REFUSAL_REMEMBERED};
    use crate::{
        access::basic::Login,
        config::{DirectoryConfig, Written},
    };

    /// Somebody who is taken for an LDAP server.
    #[derive(Default)]
    struct Server {
        is_silent: bool,
        questions: AtomicUsize,
        open: AtomicUsize,
        most_open: AtomicUsize,
    }

    /// The first message on a connection is a bind; this says that the password is wrong.
    const WRONG: [u8; 14] = [48, 12, 2, 1, 1, 97, 7, 10, 1, 49, 4, 0, 4, 0];

    impl Server {
        async fn start(self) -> (Arc<Self>, Directory) {
            let listener = TcpListener::bind("127.0.0.1:0").await;
            let listener = listener.expect("there is a free port");
            let address = listener.local_addr().expect("it listens");
            let server = Arc::new(self);
            let tasks = TaskTracker::new();
            let (own, others) = (Arc::clone(&server), tasks.clone());
            tasks.spawn(async move {
                while let Ok((mut socket, _)) = listener.accept().await {
                    let server = Arc::clone(&own);
                    others.spawn(async move {
                        let open = server.open.fetch_add(1, Ordering::Relaxed) + 1;
                        server.most_open.fetch_max(open, Ordering::Relaxed);
                        let mut bytes = [0; 1024];
                        while let Ok(1..) = socket.read(&mut bytes).await {
                            server.questions.fetch_add(1, Ordering::Relaxed);
                            if !server.is_silent && socket.write_all(&WRONG).await.is_err() {
                                break;
                            }
                        }
                        server.open.fetch_sub(1, Ordering::Relaxed);
                    });
                }
            });
            let config = DirectoryConfig {
                uri: Written {
                    value: format!("ldap://{address}"),
                    line: 1,
                },
                user_dn: "uid=%s".to_owned(),
                base_scope: "dc=example".to_owned(),
                membership_patterns: Vec::new(),
                groups: Vec::new(),
            };
            (server, Directory::new(config))
        }
    }

    fn login(password: usize) -> Login {
        Login {
            user: "u".to_owned(),
            password: password.to_string(),
        }
    }

    #[test]
    fn a_server_is_looked_for_where_it_is_asked() {
        let v4 = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = v4.local_addr().expect("it listens");
        for there in [
            format!("ldap://{address}"),
            format!("ldaps://{address}/"),
            "ldapi://%2Frun%2Fldapi".to_owned(),
        ] {
            assert!(super::reach(&there).is_ok(), "{there}");
        }
        if let Ok(v6) = std::net::TcpListener::bind("[::1]:0") {
            let address = v6.local_addr().expect("it listens");
            assert!(
                super::reach(&format!("ldap://{address}")).is_ok(),
                "{address}"
            );
        }
        assert!(super::reach("ldap://127.0.0.1:1").is_err());
        assert!(super::reach("ldap://no-such-host.invalid").is_err());
    }

    #[tokio::test]
    async fn a_refusal_holds_for_some_seconds_and_only_for_the_same_password() {
        let (server, directory) = Server::default().start().await;
        drop(directory.rights(&login(1)).await);
        let again = login(1);
        let many = std::iter::repeat_with(|| directory.rights(&again)).take(100);
        futures_util::future::join_all(many).await;
        assert_eq!(server.questions.load(Ordering::Relaxed), 1);
        drop(directory.rights(&login(2)).await);
        assert_eq!(server.questions.load(Ordering::Relaxed), 2);
        pause();
        advance(REFUSAL_REMEMBERED).await;
        resume();
        drop(directory.rights(&login(1)).await);
        assert_eq!(server.questions.load(Ordering::Relaxed), 3);
        assert_eq!(directory.failures(), 0);
    }

    #[tokio::test]
    async fn few_questions_are_asked_at_once_and_all_are_answered() {
        let (server, directory) = Server::default().start().await;
        let logins: Vec<_> = (0..300).map(login).collect();
        let all = logins.iter().map(|login| directory.rights(login));
        futures_util::future::join_all(all).await;
        assert_eq!(server.questions.load(Ordering::Relaxed), 300);
        let most = server.most_open.load(Ordering::Relaxed);
        // A connection may be counted for a moment longer than it is used.
        assert!(most <= 2 * QUESTIONS_MAX, "{most} at once");
        assert_eq!(directory.failures(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_in_a_flood() {
        let silent = Server {
            is_silent: true,
            ..Server::default()
        };
        let (_, directory) = silent.start().await;
        let logins: Vec<_> = (0..300).map(login).collect();
        let start = Instant::now();
        let all = logins.iter().map(|login| directory.rights(login));
        futures_util::future::join_all(all).await;
        assert!(
            start.elapsed() < 2 * ANSWER_TIMEOUT,
            "{:?}",
            start.elapsed()
        );
        assert_eq!(directory.failures(), 300);
    }
}
