//! The leases of periodic functions that run once in a cluster.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    error::{Finding, FindingKind, StartError},
    link::{Links, links::Link},
    periodic::keeper::{Keeper, Times},
    registry::periodic::Periodic,
    scope::running::Running,
    site::Site,
    transport::{
        TransportError,
        lease::{Lease, LeaseRequest},
    },
};

/// The lease of a function.
pub(super) struct Leased {
    /// Which of the bus's periodic functions it is.
    place: usize,
    cluster: &'static str,
    lease: Arc<dyn Lease>,
    times: Times,
    link: Arc<Link>,
}

/// Prepares for the leases that are needed; all that cannot be had come in one error.
pub(super) async fn prepare(
    periodics: &[Periodic],
    links: &Links,
    takes_over_within: Duration,
) -> Result<Vec<Leased>, StartError> {
    let (mut all, mut findings) = (Vec::new(), Vec::new());
    for (place, periodic) in periodics.iter().enumerate() {
        let Some(cluster) = periodic.once_in else {
            continue;
        };
        let Some(link) = links.leasing() else {
            findings.push(none_leases(periodic.site, cluster, links));
            continue;
        };
        let times = Times::within(takes_over_within);
        let name = format!("{}::{}", periodic.site.module, periodic.site.function);
        let request = LeaseRequest::new(cluster, name, times.lease);
        match links.lease(link, request).await {
            Ok(lease) => all.push(Leased {
                place,
                cluster,
                lease,
                times,
                link: Arc::clone(link),
            }),
            Err(error) => findings.push(refused(periodic.site, cluster, link, &error)),
        }
    }
    match findings.is_empty() {
        true => Ok(all),
        false => Err(StartError { findings }),
    }
}

/// Asks for the leases, which tells whether they can be had at all; each function has its keeper then.
pub(super) async fn begin(
    running: &Running,
    leases: Vec<Leased>,
) -> Result<HashMap<Site, Arc<Keeper>>, StartError> {
    let mut keepers = HashMap::new();
    for leased in leases {
        let controls = &running.periodics[leased.place];
        let keeper = Keeper::new(leased.lease, leased.times, Arc::clone(controls));
        let begun = keeper.begin().await;
        begun.map_err(|error| StartError {
            findings: vec![refused(controls.site, leased.cluster, &leased.link, &error)],
        })?;
        keepers.insert(controls.site, Arc::new(keeper));
    }
    Ok(keepers)
}

fn none_leases(site: Site, cluster: &str, links: &Links) -> Finding {
    let names: Vec<_> = links.all.iter().map(|link| &*link.name).collect();
    let message = format!(
        "`once_in = \"{cluster}\"` takes a connection that has leases, and {} has none: connect to NATS with at-least-once \
         delivery as well, for which no topic has to travel: `.connect_to(nats, [])`",
        names.join(", ")
    );
    let finding = Finding::new(FindingKind::InvalidOption, message);
    finding.at(site, part(cluster))
}

fn refused(site: Site, cluster: &str, link: &Link, error: &TransportError) -> Finding {
    let message = format!("{} gives no lease: {error}", link.name);
    let finding = Finding::new(FindingKind::NotConnected, message);
    let finding = finding.at(site, part(cluster));
    finding.at(link.site(), "connects")
}

fn part(cluster: &str) -> String {
    format!("runs once in `{cluster}`")
}
