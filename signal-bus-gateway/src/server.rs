//! A gateway from its start to its end.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use signal_bus::BusGuard;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backlog::store::Damage,
    config::{Config, Written},
    hub::Hub,
    login::{Loaded, Logins},
    problem::Weight,
    serve::{
        House,
        connection::Patience,
        door,
        places::{self, Places},
        tls,
    },
    setup::Setup,
    shown::{Neighbour, ServerError, Shown},
    wire::Desk,
};

/// How long requests, then what they have published, and then streams may take to their end when the gateway stops.
///
/// Three times as long is less than Kubernetes waits.
const STOP_TIMEOUT: Duration = Duration::from_secs(8);
/// How long, of that, is waited for what is shared with others, and may have to be read.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(4);
const PATIENCE: Patience = Patience {
    head: Duration::from_secs(10),
    body: Duration::from_secs(60),
    // What PyPubSub's HTTP server waits.
    idle: Duration::from_secs(3630),
    stall: Duration::from_secs(30),
};

/// A gateway that runs in PyPubSub's place.
///
/// It belongs to the tokio runtime in which it is started. Dropping it lets it run on until the runtime ends.
///
/// ```
/// use signal_bus_gateway::{Server, Setup};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
/// let setup = Setup::of_text("here.yaml", "server: {bind: 127.0.0.1, port: 0}\nclients: {}\n");
/// let server = Server::start(&setup.acl("no_such_acl.yaml")).await?;
/// println!("listening on {}", server.address());
/// server.stop().await;
/// # Ok::<_, signal_bus_gateway::ServerError>(()) })?; Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a gateway that is dropped cannot be stopped any more"]
pub struct Server {
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    house: House,
    bus: BusGuard,
    /// Gives accepted events their places, until the bus is closed.
    placing: JoinHandle<()>,
    neighbour: Neighbour,
}

impl Server {
    /// Reads the files, restores the backlog, and begins to listen.
    ///
    /// # Errors
    ///
    /// [`ServerError`] says what is in the way, and where.
    ///
    /// # Cancel safety
    ///
    /// A start that is dropped may have put a broken backlog aside; nothing else is left of it.
    pub async fn start(setup: &Setup) -> Result<Self, ServerError> {
        let (config, problems) = setup.read();
        let Some(config) = config else {
            return Err(ServerError::Refused(problems));
        };
        problems
            .iter()
            .for_each(|problem| tracing::warn!("{problem}"));
        let mut problems = setup.problems();
        let tls = config.tls.as_ref();
        let acceptor = tls.and_then(|tls| tls::acceptor(tls, &mut problems));
        if problems.are_refused() {
            return Err(ServerError::Refused(problems.into_found()));
        }
        let listener = bound(setup, &config.bind, &config.port, "server").await?;
        let tls_listener = match &config.tls {
            Some(tls) => Some(bound(setup, &config.bind, &tls.port, "server.tls").await?),
            None => None,
        };
        let (address, tls_address) = (addressed(&listener), tls_listener.as_ref().map(addressed));
        let Shown {
            hub,
            bus,
            placing,
            damage,
            neighbour,
        } = Shown::start(setup, &config).await?;
        let places = Places::new(connections_max(&config));
        let closing = CancellationToken::new();
        let house = House {
            desk: Arc::new(desk(config, hub, damage, setup, closing.clone())?),
            patience: PATIENCE,
            places,
            talks: TaskTracker::new(),
            streams: TaskTracker::new(),
            closing,
        };
        let placing = house.streams.spawn(placing);
        // What others have published is there before anybody can ask for it.
        house.desk.hub.caught_up().await;
        house.talks.spawn(house.clone().admit(listener, None));
        if let Some(listener) = tls_listener {
            house.talks.spawn(house.clone().admit(listener, acceptor));
        }
        Ok(Self {
            address,
            tls_address,
            house,
            bus,
            placing,
            neighbour,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for TLS, if it is configured to.
    #[must_use]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    /// Reads the ACL file again. A file that is broken, empty or gone gives nobody a right that he had not.
    ///
    /// Streams that are open get the rights of the new file, unless PyPubSub is followed.
    pub fn reload_acl(&self) {
        load(&self.house.desk.logins);
    }

    /// Stops: takes no further request, answers those that have begun, ends all streams.
    ///
    /// It takes 24 s at most; whoever has not read the end of his stream by then does not get it.
    ///
    /// # Cancel safety
    ///
    /// A stop that is dropped goes as far as it has come; requests are refused in any case.
    pub async fn stop(self) {
        let Self {
            house,
            bus,
            placing,
            neighbour,
            ..
        } = self;
        house.closing.cancel();
        house.talks.close();
        if timeout(STOP_TIMEOUT, house.talks.wait()).await.is_err() {
            tracing::warn!("{} requests are given up", house.talks.len());
        }
        let placed = async {
            // What is shared is there, also if it cannot be shown here in time.
            drop(timeout(SETTLE_TIMEOUT, house.desk.hub.settle()).await);
            if let Err(error) = bus.close().await {
                tracing::error!("{error}");
            }
            drop(placing.await);
        };
        if timeout(STOP_TIMEOUT, placed).await.is_err() {
            tracing::error!("what was published last is given up: it cannot be stored, or read");
        }
        house.desk.hub.end_streams();
        house.streams.close();
        if timeout(STOP_TIMEOUT, house.streams.wait()).await.is_err() {
            tracing::warn!("{} streams are given up", house.streams.len());
        }
        neighbour.close().await;
    }
}

async fn bound(
    setup: &Setup,
    host: &Written<String>,
    port: &Written<u16>,
    section: &str,
) -> Result<TcpListener, ServerError> {
    let listener = door::listen(&host.value, port.value).await;
    listener.map_err(|source| ServerError::Listen {
        problem: setup.door_problem(host, port, section, &source),
        source,
    })
}

fn addressed(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("a listener has an address")
}

/// As configured, but for what the process has no room for.
fn connections_max(config: &Config) -> usize {
    let room = places::room();
    match config.connections_max {
        Some(max) if room < max => {
            tracing::warn!(
                "server.max_connections: there is room for {room} connections, as the limit on open files is"
            );
            room
        }
        Some(max) => max,
        None => room,
    }
}

fn desk(
    config: Config,
    hub: Hub,
    damage: Damage,
    setup: &Setup,
    closing: CancellationToken,
) -> Result<Desk, ServerError> {
    let compat = setup.compat_mode();
    let logins = Logins::new(setup.acl_file().to_owned(), compat, config.directory);
    if let Loaded::Broken(problems) = load(&logins) {
        return Err(ServerError::Refused(problems));
    }
    Ok(Desk {
        hub,
        damage,
        logins,
        payloaders: config.payloaders,
        oldschoolers: config.oldschoolers,
        secure_topics: config.secure_topics,
        payload_bytes_max: config.payload_bytes_max,
        compat,
        requests: AtomicU64::new(0),
        turned_away: AtomicU64::new(0),
        not_admitted: AtomicU64::new(0),
        closing,
    })
}

/// Reads the ACL file, and says what has come of it.
fn load(logins: &Logins) -> Loaded {
    let loaded = logins.load();
    let file = logins.file().display();
    match &loaded {
        Loaded::Users(count, problems) => {
            problems
                .iter()
                .for_each(|problem| tracing::warn!("{problem}"));
            tracing::info!("Loaded ACL from {file}: {count} users");
        }
        Loaded::Missing => tracing::warn!(
            "ACL configuration file {file} not found, private events will not be broadcast."
        ),
        Loaded::Broken(problems) => {
            for problem in problems {
                match problem.weight {
                    Weight::Refused => tracing::error!("{problem}"),
                    Weight::Warned => tracing::warn!("{problem}"),
                }
            }
        }
    }
    loaded
}
