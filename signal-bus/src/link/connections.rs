//! Connections as the description of a bus asks for them, and their opening.

use std::{num::NonZeroUsize, panic::Location, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    codec::Codec,
    error::{Finding, FindingKind, StartError},
    link::{
        brings::Brings,
        codecs::Codecs,
        interests::{widest, written},
        links::{Link, Links},
    },
    signal::Kind,
    site::Site,
    topic::pattern::Pattern,
    topology::Plan,
    transport::{Transport, TransportError},
};

/// How long it takes at most until another bus runs what runs once in a cluster, unless it is said.
const TAKES_OVER_WITHIN: Duration = Duration::from_secs(15);

/// Connections, as the description of a bus asks for them.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    pub(crate) wanted: Vec<Wanted>,
    /// Types that travel although no function says so.
    pub(crate) beside: Vec<(Kind, Codec)>,
    /// How long it takes at most until another bus runs what runs once in a cluster, if it is said.
    pub(crate) takes_over_within: Option<Duration>,
}

/// A connection, as the description of a bus asks for it.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) transport: Arc<dyn Transport>,
    /// The topics that travel.
    pub(crate) topics: Vec<String>,
    /// Where that was said.
    pub(crate) at: &'static Location<'static>,
}

impl Connections {
    pub(crate) fn extend(&mut self, others: Self) {
        self.wanted.extend(others.wanted);
        self.beside.extend(others.beside);
        self.takes_over_within = others.takes_over_within.or(self.takes_over_within);
    }

    /// How long it takes at most until another bus runs what runs once in a cluster.
    pub(crate) fn takes_over_within(&self) -> Duration {
        self.takes_over_within.unwrap_or(TAKES_OVER_WITHIN)
    }

    /// Whether there is no connection at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// The topics that travel, as far as they are patterns.
    pub(crate) fn travelling(&self) -> Vec<Pattern> {
        let topics = self.wanted.iter().flat_map(|one| &one.topics);
        topics.filter_map(|one| Pattern::new(one).ok()).collect()
    }

    /// The types that were named to travel.
    pub(crate) fn carried(&self) -> Vec<Kind> {
        self.beside.iter().map(|(kind, _)| *kind).collect()
    }

    /// Connects.
    pub(crate) async fn open(
        &self,
        plan: &Plan,
        capacity: NonZeroUsize,
    ) -> Result<Links, StartError> {
        let mut all = Vec::new();
        let leases = plan.periodics.iter().any(|one| one.once_in.is_some());
        for wanted in &self.wanted {
            let link = wanted.open(wanted.patterns(leases)?).await;
            let link = link.map_err(|error| failed(wanted.at, &wanted.transport.name(), &error))?;
            all.push(Arc::new(link));
        }
        let codecs = Codecs::new(&plan.publishers, &plan.subscribers, &self.beside);
        Ok(Links::new(all, codecs, capacity.get()))
    }
}

impl Wanted {
    fn patterns(&self, leases: bool) -> Result<Vec<Pattern>, StartError> {
        let wrong = |message| {
            let finding = Finding::new(FindingKind::InvalidOption, message);
            StartError {
                findings: vec![finding.at(site(self.at), "connects")],
            }
        };
        let mut patterns = Vec::new();
        for written in &self.topics {
            let pattern = Pattern::new(written)
                .map_err(|error| wrong(format!("{written:?} cannot travel: {error}")))?;
            if pattern.is_reserved() {
                let message = format!("`{written}` is the bus's own, and stays in its bus");
                return Err(wrong(message));
            }
            patterns.push(pattern);
        }
        if patterns.is_empty() && !leases {
            return Err(wrong(
                "no topic travels: name some, such as `orders.>`".into(),
            ));
        }
        widest(&patterns).map_err(|(one, other)| {
            let (one, other) = (one.as_str(), other.as_str());
            wrong(format!(
                "`{one}` and `{other}` have topics in common: write one pattern that covers both"
            ))
        })
    }

    async fn open(&self, patterns: Vec<Pattern>) -> Result<Link, TransportError> {
        let written: Vec<_> = patterns.iter().map(written).collect();
        let connection = self.transport.connect(&written).await?;
        let name = self.transport.name();
        Ok(Link {
            name,
            features: connection.features(),
            connection,
            patterns,
            at: self.at,
            outstanding: Arc::default(),
            brings: Brings::default(),
            covered: watch::Sender::new(0),
            trouble: watch::Sender::new(None),
        })
    }
}

impl Link {
    /// A start that has failed because of it.
    pub(crate) fn failed(&self, error: &TransportError) -> StartError {
        failed(self.at, &self.name, error)
    }

    /// Where it was asked for.
    pub(crate) fn site(&self) -> Site {
        site(self.at)
    }
}

fn failed(at: &'static Location<'static>, name: &str, error: &TransportError) -> StartError {
    let message = format!("cannot connect to {name}: {error}");
    let finding = Finding::new(FindingKind::NotConnected, message);
    StartError {
        findings: vec![finding.at(site(at), "connects")],
    }
}

fn site(at: &'static Location<'static>) -> Site {
    Site::call("connect_to", at)
}
