//! The description of a connection to NATS.

use std::{fmt, path::PathBuf, time::Duration};

use async_nats::{ConnectOptions, ServerAddr};
use signal_bus::transport::{Encoding, Transport as _, TransportError, TransportFault};

use crate::{
    client::{Connected, connect},
    delivery::{Buckets, Delivery, Streams},
    fault::failed,
    log::{Log, LogError, LogStream},
    secrets::{Credentials, Tls, there, without_secrets},
    subject::Subjects,
};

/// Messages that a client keeps until they leave, where they are packs: few and large. So more goes along with each, and less is lost with it.
const PACKS_MAX: usize = 256;
/// How long a start waits for the server, unless it is said.
const WAIT_FOR_SERVER: Duration = Duration::from_secs(10);
/// How long a publish may take, unless it is said.
const PUBLISH_WITHIN: Duration = Duration::from_secs(10);
/// What the subjects of dead letters begin with, unless it is said.
const DEAD: &str = "dead";
/// What the subjects of requests begin with, unless it is said.
const REQUESTS: &str = "request";

/// NATS as the transport of a bus: for [`Bus::connect_to`](signal_bus::Bus::connect_to).
///
/// ```no_run
/// # async fn start() -> anyhow::Result<()> {
/// use signal_bus::Bus;
/// use signal_bus_nats::{Nats, Streams};
///
/// let nats = Nats::at("nats://127.0.0.1:4222")?.create_streams(Streams::named("SHOP"));
/// Bus::new().connect_to(nats, ["orders.>", "mail.*"]).run(async { /* … */ }).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Nats {
    pub(crate) servers: Vec<ServerAddr>,
    credentials: Credentials,
    tls: Tls,
    pub(crate) subjects: Subjects,
    pub(crate) delivery: Delivery,
    pub(crate) encoding: Encoding,
    pub(crate) create: Option<Streams>,
    pub(crate) buckets: Option<Buckets>,
    pub(crate) dead: Option<String>,
    pub(crate) requests: String,
    wait_for_server: Duration,
    pub(crate) publish_within: Duration,
    client_name: Option<String>,
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nats({})", self.name())
    }
}

impl Nats {
    /// NATS at an address, or at several with commas between: `nats://127.0.0.1:4222`, `tls://user:password@nats.example.org`.
    ///
    /// User and password, or a token, may stand in the address.
    ///
    /// # Errors
    ///
    /// If it is no address.
    pub fn at(addresses: &str) -> Result<Self, TransportError> {
        let addresses = addresses.split(',').map(str::trim);
        let servers = addresses.map(|address| {
            if address.is_empty() || address.ends_with("://") {
                let reason =
                    "an address of a NATS server is needed, such as `nats://127.0.0.1:4222`";
                return Err(TransportError::new(TransportFault::Refused, reason));
            }
            address.parse::<ServerAddr>().map_err(|error| {
                let what = format!(
                    "{:?} is no address of a NATS server",
                    without_secrets(address)
                );
                failed(TransportFault::Refused, what, &error)
            })
        });
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        let named = servers
            .iter()
            .find_map(|server| Some((server.username()?, server.password())));
        let credentials = match named {
            None => Credentials::None,
            Some((token, None)) => Credentials::Token(token.to_owned()),
            Some((user, Some(password))) => {
                Credentials::UserAndPassword(user.to_owned(), password.to_owned())
            }
        };
        Ok(Self {
            tls: Tls {
                required: servers.iter().any(ServerAddr::tls_required),
                ..Tls::default()
            },
            servers,
            credentials,
            subjects: Subjects::default(),
            delivery: Delivery::default(),
            encoding: Encoding::default(),
            create: None,
            buckets: None,
            dead: Some(DEAD.to_owned()),
            requests: REQUESTS.to_owned(),
            wait_for_server: WAIT_FOR_SERVER,
            publish_within: PUBLISH_WITHIN,
            client_name: None,
        })
    }

    /// How often a signal comes: [at least once](Delivery::at_least_once), unless it is said.
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// How values become bytes: as JSON, unless it is said.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Makes the stream for the topics that travel, and one for dead letters, where they are not there. Without this,
    /// a stream that is missing fails the start.
    #[must_use]
    pub fn create_streams(mut self, streams: Streams) -> Self {
        self.create = Some(streams);
        self
    }

    /// Makes the KV bucket of each name that a periodic function is `once_in`, where it is not there. Without this, a bucket
    /// that is missing fails the start.
    #[must_use]
    pub fn create_buckets(mut self, buckets: Buckets) -> Self {
        self.buckets = Some(buckets);
        self
    }

    /// What stands before each topic in its subject: `shop`, and `orders.eu` is `shop.orders.eu`. The keys of leases begin with it, too.
    ///
    /// # Errors
    ///
    /// If it could not stand in a subject.
    pub fn prefix(mut self, prefix: &str) -> Result<Self, TransportError> {
        self.subjects = Subjects::below(prefix)?;
        Ok(self)
    }

    /// Where copies of dead letters go: `dead`, unless it is said, so that one of `orders.eu` goes to `dead.orders.eu`, below the
    /// [prefix](Self::prefix). A stream has to hold them.
    ///
    /// A dead letter comes in as a signal only where a pattern asks for it, as `dead.>` does; `>`, and `*.orders`, do not.
    #[must_use]
    pub fn dead_letters(mut self, prefix: impl Into<String>) -> Self {
        self.dead = Some(prefix.into());
        self
    }

    /// Keeps no copies of dead letters but those of the bus itself, which it forgets when it closes.
    #[must_use]
    pub fn without_dead_letters(mut self) -> Self {
        self.dead = None;
        self
    }

    /// What stands before all else in the subjects of requests: `request`, unless it is said, so that whoever asks on `quotes.price` does so
    /// on `request.quotes.price`; with a [prefix](Self::prefix) `shop`, on `request.shop.quotes.price`.
    ///
    /// No stream may hold these subjects: it would answer by itself. An empty text asks and replies on the subjects of the topics, for
    /// services of others.
    ///
    /// # Errors
    ///
    /// If it could not stand in a subject.
    pub fn requests_below(mut self, prefix: &str) -> Result<Self, TransportError> {
        Subjects::below(prefix)?;
        self.requests = prefix.to_owned();
        Ok(self)
    }

    /// How long a start waits for the server; 10 s unless set.
    #[must_use]
    pub fn wait_for_server(mut self, time: Duration) -> Self {
        self.wait_for_server = time;
        self
    }

    /// How long a publish at least once may take, outages included, before it gives the signal back; 10 s unless set.
    #[must_use]
    pub fn publish_timeout(mut self, time: Duration) -> Self {
        self.publish_within = time;
        self
    }

    /// What the server shows of this connection.
    #[must_use]
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// A user and a password.
    #[must_use]
    pub fn user_and_password(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.credentials = Credentials::UserAndPassword(user.into(), password.into());
        self
    }

    /// A token.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.credentials = Credentials::Token(token.into());
        self
    }

    /// The seed of an nkey: `SU…`.
    #[must_use]
    pub fn nkey(mut self, seed: impl Into<String>) -> Self {
        self.credentials = Credentials::Nkey(seed.into());
        self
    }

    /// A file with a JWT and its seed, as `nsc` writes them; it is read anew for each connection, so that whoever renews what is in
    /// it need not start the program again.
    #[must_use]
    pub fn credentials_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.credentials = Credentials::File(path.into());
        self
    }

    /// Refuses a server without TLS.
    #[must_use]
    pub fn require_tls(mut self) -> Self {
        self.tls.required = true;
        self
    }

    /// Begins with TLS, where the server has `handshake_first`.
    #[must_use]
    pub fn tls_first(mut self) -> Self {
        (self.tls.required, self.tls.first) = (true, true);
        self
    }

    /// Trusts the certificates of a PEM file, beside those of the system.
    #[must_use]
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.required = true;
        self.tls.roots.push(path.into());
        self
    }

    /// Shows the server a certificate: two PEM files.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls.required = true;
        self.tls.client = Some((certificate.into(), key.into()));
        self
    }

    /// What is told to the client.
    fn options(&self) -> Result<ConnectOptions, TransportError> {
        let mut options = self.credentials.options()?.require_tls(self.tls.required);
        if let Some(name) = &self.client_name {
            options = options.name(name);
        }
        if self.tls.first {
            options = options.tls_first();
        }
        for roots in &self.tls.roots {
            options = options.add_root_certificates(there(roots)?);
        }
        if let Some((certificate, key)) = &self.tls.client {
            options = options.add_client_certificate(there(certificate)?, there(key)?);
        }
        Ok(options)
    }

    pub(crate) async fn client(&self, no_echo: bool) -> Result<Connected, TransportError> {
        let options = || {
            let options = self.options()?;
            // What is sent on the one without an echo has a subject that was looked at before.
            let options = match no_echo {
                true => options.no_echo().skip_subject_validation(true),
                false => options,
            };
            Ok(match self.delivery.is_packed() {
                true => options.client_capacity(PACKS_MAX),
                false => options,
            })
        };
        connect(&self.servers, &self.name(), options, self.wait_for_server).await
    }

    /// Opens a stream as a log, for programs that read it in its order, from any place on: see [`Log`].
    ///
    /// # Errors
    ///
    /// [`LogError`] says what is in the way: the connection, the stream, or its topics.
    ///
    /// # Cancel safety
    ///
    /// A stream may have been made.
    pub async fn open_log(&self, stream: &LogStream) -> Result<Log, LogError> {
        let connected = self.client(false).await.map_err(LogError::Connect)?;
        Log::open(
            connected,
            self.subjects.clone(),
            self.publish_within,
            stream,
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use signal_bus::transport::Transport as _;

    use super::Nats;

    #[test]
    fn what_is_shown_of_it_has_no_secrets() {
        let nats = Nats::at("nats://ann:secret@127.0.0.1:4222, tls://token@far").unwrap();
        assert_eq!(nats.name(), "nats://127.0.0.1:4222,tls://far");
        assert!(!format!("{nats:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_address_is_told() {
        for odd in ["", "http://ann:secret@x", "nats://"] {
            let error = Nats::at(odd).unwrap_err().to_string();
            assert!(error.contains("address of a NATS server"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
