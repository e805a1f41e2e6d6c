//! Who replies to the requests of a topic, and what does not fit.

use crate::{
    error::{Finding, FindingKind},
    registry::subscriber::SubscriberEntry,
    signal::Kind,
    topic::pattern::Pattern,
    topology::select::Chosen,
};

/// Topics whose responders differ in the type of their replies.
pub(crate) fn mismatches(chosen: &Chosen) -> Vec<Finding> {
    let subscribers = chosen.subscribers.iter();
    let responders = subscribers.filter_map(|one| Some((one, one.replies?.0)));
    let responders: Vec<_> = responders.collect();
    let mut findings = Vec::new();
    for (at, (one, kind)) in responders.iter().enumerate() {
        let others = responders[at + 1..].iter();
        for (other, other_kind) in others.filter(|(_, other)| other != kind) {
            findings.extend(common(one, other).map(|topic| {
                let message = format!("`{topic}` has replies of two types");
                let finding = Finding::new(FindingKind::TypeMismatch, message);
                let finding = finding.at(one.site, replies(*kind));
                finding.at(other.site, replies(*other_kind))
            }));
        }
    }
    findings
}

fn replies(kind: Kind) -> String {
    format!("replies with `{}`", kind.name)
}

/// A topic, or the pattern of some, that two subscribers hear and of which both take the signals.
fn common(one: &SubscriberEntry, other: &SubscriberEntry) -> Option<&'static str> {
    let takes = |kind: Option<Kind>| kind.is_none_or(|one| other.kind.is_none_or(|two| one == two));
    if !takes(one.kind) {
        return None;
    }
    let pairs = one.topics.iter();
    let mut pairs = pairs.flat_map(|topic| other.topics.iter().map(move |other| (*topic, *other)));
    let (topic, other) = pairs.find(|(topic, other)| {
        let patterns = (Pattern::new(topic), Pattern::new(other));
        matches!(patterns, (Ok(one), Ok(other)) if one.overlaps(&other))
    })?;
    // The narrower one says more.
    let exact = Pattern::new(topic).is_ok_and(|pattern| pattern.is_exact());
    Some(if exact { topic } else { other })
}
