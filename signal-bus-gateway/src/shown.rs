//! What a gateway shows: a row of its own, or one that several gateways share.

use std::{io, pin::Pin};

use signal_bus::{BusGuard, StartError};

use crate::{
    backlog::{
        Backlog,
        store::{Damage, Restored, Store},
    },
    config::{BacklogConfig, Config, Written},
    cursor::Epoch,
    hub::{Hub, stream::QueueLimits},
    problem::Problem,
    setup::Setup,
};
#[cfg(feature = "nats")]
use crate::{
    config::StreamConfig,
    nats::{self, Link, Purpose},
};

const QUEUE_LIMITS: QueueLimits = QueueLimits {
    events: 16 * 1024,
    bytes: 16 * 1024 * 1024,
};

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// One of its files is not as it should be.
    #[error("{}", lines(.0))]
    Refused(Vec<Problem>),
    /// Somebody else is there, or the address is not this machine's.
    #[error("{problem}")]
    Listen {
        /// Where it is configured, and what to do.
        problem: Problem,
        /// What the system says.
        source: io::Error,
    },
    /// The backlog's file cannot be used.
    #[error("{problem}")]
    Backlog {
        /// Where it is configured, and what to do.
        problem: Problem,
        /// What the system says.
        source: io::Error,
    },
    /// Its bus does not start.
    #[error("the bus of the gateway does not start")]
    Bus(#[from] StartError),
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// A hub that runs, and what belongs to it.
pub(crate) struct Shown {
    pub(crate) hub: Hub,
    pub(crate) bus: BusGuard,
    /// Gives events their places, until the bus is closed.
    pub(crate) placing: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(crate) damage: Damage,
    pub(crate) neighbour: Neighbour,
}

/// Whoever keeps the row for several gateways, if they share one.
#[derive(Debug, Default)]
pub(crate) struct Neighbour {
    #[cfg(feature = "nats")]
    link: Option<std::sync::Arc<Link>>,
}

impl Neighbour {
    /// Lets go of it, when nothing is published any more.
    #[cfg_attr(
        not(feature = "nats"),
        expect(clippy::unused_async, reason = "there is nobody to wait for")
    )]
    pub(crate) async fn close(self) {
        #[cfg(feature = "nats")]
        if let Some(link) = self.link {
            link.close().await;
        }
    }
}

impl Shown {
    pub(crate) async fn start(setup: &Setup, config: &Config) -> Result<Self, ServerError> {
        #[cfg(feature = "nats")]
        if let Some(nats) = &config.nats {
            return Self::share(setup, config, nats).await;
        }
        let (restored, store) = restore(setup, &config.backlog)?;
        let Restored { backlog, damage } = restored;
        let (hub, bus, placing) = Hub::start(backlog, QUEUE_LIMITS, store).await?;
        Ok(Self {
            hub,
            bus,
            placing: Box::pin(placing),
            damage,
            neighbour: Neighbour::default(),
        })
    }

    /// Joins the other gateways.
    #[cfg(feature = "nats")]
    async fn share(
        setup: &Setup,
        config: &Config,
        nats: &StreamConfig,
    ) -> Result<Self, ServerError> {
        let mut problems = setup.problems();
        let link = nats::open(config, nats, Purpose::Start, &mut problems).await;
        let extent = match &link {
            Some(link) => link.look(config, nats, &mut problems).await,
            None => None,
        };
        let problems = problems.into_found();
        let (Some(link), Some(extent)) = (link, extent) else {
            return Err(ServerError::Refused(problems));
        };
        problems
            .iter()
            .for_each(|problem| tracing::warn!("{problem}"));
        let BacklogConfig { size, max_age, .. } = config.backlog;
        let backlog = Backlog::common(extent.epoch, extent.first, extent.last, size, max_age);
        let reading = link.read_after(backlog.next().sequence - 1);
        let link = std::sync::Arc::new(link);
        let started = Hub::start_common(backlog, QUEUE_LIMITS, link.clone(), reading);
        let (hub, bus, placing) = started.await?;
        Ok(Self {
            hub,
            bus,
            placing: Box::pin(placing),
            damage: Damage::default(),
            neighbour: Neighbour { link: Some(link) },
        })
    }
}

/// The backlog as it was left, and where it is kept.
fn restore(
    setup: &Setup,
    config: &BacklogConfig,
) -> Result<(Restored, Option<Store>), ServerError> {
    let Some(Written { value: path, line }) = &config.storage else {
        let restored = Restored {
            backlog: Backlog::new(Epoch::random(), 0, config.size, config.max_age),
            damage: Damage::default(),
        };
        return Ok((restored, None));
    };
    let opened = Store::open(path, config).map_err(|source| ServerError::Backlog {
        problem: setup.storage_problem(path, *line, &source),
        source,
    });
    let (store, restored) = opened?;
    let torn_count = restored.damage.torn_count;
    if 0 < torn_count {
        tracing::warn!(
            "{torn_count} torn events of {} are left out",
            path.display()
        );
    }
    tracing::info!(
        "{} events of {} are in the backlog",
        restored.backlog.len(),
        path.display()
    );
    Ok((restored, Some(store)))
}
