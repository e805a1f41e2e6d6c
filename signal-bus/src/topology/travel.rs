//! What travels to other processes, and what could not.

use std::collections::BTreeMap;

use crate::{
    error::{Finding, FindingKind},
    signal::Kind,
    site::Site,
    topic::pattern::Pattern,
    topology::select::Chosen,
};

/// Whether a topic, or some topic of a pattern, travels.
pub(crate) fn travels(travelling: &[Pattern], topic: &str) -> bool {
    // Of most buses nothing does.
    let pattern = (!travelling.is_empty()).then(|| Pattern::new(topic));
    let Some(Ok(pattern)) = pattern else {
        return false;
    };
    travelling.iter().any(|travels| travels.overlaps(&pattern))
}

/// Publishers that cannot wait for a transport.
pub(crate) fn hasty(travelling: &[Pattern], chosen: &Chosen) -> Vec<Finding> {
    let publishers = chosen.publishers.iter().filter(|(_, taken)| *taken);
    let publishers = publishers.map(|(publisher, _)| publisher);
    let hasty = publishers.filter(|one| one.at_once && !one.traits.local);
    let hasty = hasty.filter(|one| travels(travelling, one.topic));
    let findings = hasty.map(|one| {
        let message = format!(
            "`{}` travels to other processes, which takes waiting: make its publisher an `async fn`, or keep it here with \
             `local`",
            one.written
        );
        let finding = Finding::new(FindingKind::CannotTravel, message);
        finding.at(one.site, "is a plain `fn`, and cannot wait")
    });
    findings.collect()
}

/// Publishers of topics that are meant for other processes, and that no connection carries there, though there is one.
pub(crate) fn stays(travelling: &[Pattern], chosen: &Chosen) -> Vec<Finding> {
    if travelling.is_empty() {
        return Vec::new();
    }
    let publishers = chosen.publishers.iter().filter(|(_, taken)| *taken);
    let meant = publishers.filter(|(one, _)| one.traits.travelling);
    let staying = meant.filter(|(one, _)| !travels(travelling, one.topic));
    let findings = staying.map(|(one, _)| {
        let message = format!(
            "`{}` is meant to travel, and no connection carries it: name it in `Bus::connect_to`",
            one.written
        );
        Finding::new(FindingKind::StaysHere, message).at(one.site, "publishes it")
    });
    findings.collect()
}

/// Types of topics that travel, and cannot be written or read; each with all that publish or take it.
pub(crate) fn unfit(travelling: &[Pattern], carried: &[Kind], chosen: &Chosen) -> Vec<Finding> {
    if travelling.is_empty() {
        return Vec::new();
    }
    let publishers = chosen.publishers.iter().filter(|(_, taken)| *taken);
    let publishers = publishers.map(|(publisher, _)| publisher);
    let publishers = publishers.filter(|one| !one.traits.local).map(|one| {
        let part = format!("publishes it on `{}`", one.written);
        (one.kind, one.codec.is_some(), one.topic, one.site, part)
    });
    let subscribers = chosen.subscribers.iter().flat_map(|one| {
        one.topics.iter().map(move |topic| {
            let part = format!("takes it from `{topic}`");
            (one.kind, one.codec.is_some(), *topic, one.site, part)
        })
    });
    let mut unfit: BTreeMap<&str, Vec<(Site, String)>> = BTreeMap::new();
    let replies = chosen.subscribers.iter().filter_map(|one| {
        let (kind, codec) = one.replies?;
        Some((one, kind, codec.is_some()))
    });
    let replies = replies.flat_map(|(one, kind, fit)| {
        one.topics.iter().map(move |topic| {
            let part = format!("replies with it on `{topic}`");
            (Some(kind), fit, *topic, one.site, part)
        })
    });
    for (kind, fit, topic, site, part) in publishers.chain(subscribers).chain(replies) {
        let Some(kind) = kind.filter(|kind| !fit && !carried.contains(kind)) else {
            continue;
        };
        if travels(travelling, topic) {
            unfit.entry(kind.name).or_default().push((site, part));
        }
    }
    let findings = unfit.into_iter().map(|(name, places)| {
        let message = format!(
            "`{name}` cannot travel to other processes: it needs `serde::Serialize` and `serde::Deserialize`; or keep the \
             topic here with `local`"
        );
        let finding = Finding::new(FindingKind::CannotTravel, message);
        let places = places.into_iter();
        places.fold(finding, |finding, (site, part)| finding.at(site, part))
    });
    findings.collect()
}
