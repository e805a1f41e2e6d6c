//! Options whose values only a running program knows, and those that must agree with others.

use std::{collections::HashMap, num::NonZeroUsize, time::Duration};

use crate::{
    error::{Finding, FindingKind},
    registry::{
        group::Terms,
        periodic::Schedule,
        subscriber::{Batch, Call, SubscriberEntry},
    },
    topic::{name::is_reserved, pattern::Pattern},
    topology::{Request, select::Chosen},
};

/// Everything that is wrong with the options of the chosen functions.
pub(crate) fn faults(request: &Request<'_>, chosen: &Chosen) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subscriber in &chosen.subscribers {
        findings.extend(no_room(subscriber));
        findings.extend(bad_batch(subscriber, request.capacity));
        findings.extend(bad_retry(subscriber));
        findings.extend(partly_reserved(subscriber));
        findings.extend(wrong_of_own(subscriber, request));
    }
    findings.append(&mut groups(&chosen.subscribers, request.capacity));
    for periodic in &chosen.periodics {
        if periodic.schedule == Schedule::Every(Duration::ZERO) {
            let finding = invalid("a period must be greater than zero");
            findings.push(finding.at(periodic.site, "has a period of zero"));
        } else if let Err(error) = (request.readable)(periodic) {
            findings.push(invalid(error).at(periodic.site, "is to run then"));
        }
        if let Some(cluster) = periodic.once_in.filter(|_| request.alone) {
            let message = format!(
                "`once_in = \"{cluster}\"` takes a connection to a server that keeps leases, and the bus has none: write \
                 `.connect_to(nats, [..])` with the topics that travel, or `[]` for none (crate `signal-bus-nats`); a test may connect to a \
                 `LoopbackNetwork`"
            );
            let part = format!("runs once in `{cluster}`");
            findings.push(invalid(message).at(periodic.site, part));
        }
    }
    findings
}

fn invalid(message: impl Into<String>) -> Finding {
    Finding::new(FindingKind::InvalidOption, message)
}

fn no_room(subscriber: &SubscriberEntry) -> Option<Finding> {
    let finding = invalid("a subscription needs room for at least one signal");
    (subscriber.capacity == Some(0)).then(|| finding.at(subscriber.site, "has `capacity = 0`"))
}

fn bad_batch(subscriber: &SubscriberEntry, usual: NonZeroUsize) -> Option<Finding> {
    let size = batch(subscriber)?.size;
    if size == 0 {
        let finding = invalid("a batch has at least one signal");
        return Some(finding.at(subscriber.site, "has `batch = 0`"));
    }
    let capacity = capacity(subscriber, usual);
    if size <= capacity || capacity == 0 {
        return None;
    }
    let message = format!(
        "a batch cannot have more signals than its subscription has room for: write `capacity = {size}`, or more"
    );
    let part = format!("has `batch = {size}` and a capacity of {capacity}");
    Some(invalid(message).at(subscriber.site, part))
}

fn bad_retry(subscriber: &SubscriberEntry) -> Option<Finding> {
    let (rule, has) = subscriber.retry?.fault()?;
    Some(invalid(rule).at(subscriber.site, has))
}

fn partly_reserved(subscriber: &SubscriberEntry) -> Option<Finding> {
    let topics = &subscriber.topics;
    let reserved = topics.iter().filter(|topic| is_reserved(topic)).count();
    if reserved == 0 || reserved == topics.len() {
        return None;
    }
    let finding = invalid(
        "topics of the bus itself drop what nobody takes in time, so they need a subscription of their own: \
         a second `#[subscriber]`",
    );
    let part = format!("subscribes to `{}`", topics.join("`, `"));
    Some(finding.at(subscriber.site, part))
}

fn wrong_of_own(subscriber: &SubscriberEntry, request: &Request<'_>) -> Option<Finding> {
    let patterns = subscriber
        .topics
        .iter()
        .filter_map(|topic| Pattern::new(topic).ok());
    let mut faults = patterns.filter_map(|pattern| (request.own_fault)(&pattern, subscriber.kind));
    let finding = invalid(faults.next()?);
    let takes = subscriber.kind.map_or("any type", |kind| kind.name);
    Some(finding.at(subscriber.site, format!("takes `{takes}`")))
}

/// Members of one group that cannot share a queue: each is compared with the first of those it would share it with.
fn groups(subscribers: &[SubscriberEntry], usual: NonZeroUsize) -> Vec<Finding> {
    let mut firsts: HashMap<&str, Vec<(&SubscriberEntry, Terms)>> = HashMap::new();
    let mut findings = Vec::new();
    for subscriber in subscribers {
        let Some(group) = subscriber.group else {
            continue;
        };
        let terms = terms(subscriber, usual);
        let firsts = firsts.entry(group).or_default();
        let Some((first, own)) = firsts.iter().find(|(_, own)| own.meets(&terms)) else {
            firsts.push((subscriber, terms));
            continue;
        };
        if let Some((need, _)) = own.lacks(&terms) {
            let finding = invalid(format!("the members of group `{group}` need {need}"));
            let finding = finding.at(first.site, shares(first, usual));
            findings.push(finding.at(subscriber.site, shares(subscriber, usual)));
        }
    }
    findings
}

/// What is worth comparing of a member.
fn shares(subscriber: &SubscriberEntry, usual: NonZeroUsize) -> String {
    let mut part = format!("hears `{}`", subscriber.topics.join("`, `"));
    if let Some(kind) = subscriber.kind {
        part.push_str(&format!(" as `{}`", kind.name));
    }
    if let Some(Batch { size, within }) = batch(subscriber) {
        part.push_str(&format!(", batch {size}"));
        part.extend(within.map(|within| format!(" within {within:?}")));
    }
    part.push_str(&format!(", capacity {}", capacity(subscriber, usual)));
    part.push_str(&format!(", overflow {}", subscriber.overflow.written()));
    for (has, option) in [
        (subscriber.filter.is_some(), ", with a filter"),
        (subscriber.key.is_some(), ", with a key"),
    ] {
        part.push_str(if has { option } else { "" });
    }
    part
}

fn terms(subscriber: &SubscriberEntry, usual: NonZeroUsize) -> Terms {
    let topics = subscriber.topics.iter();
    Terms {
        // The attributes have checked the names.
        patterns: topics
            .filter_map(|topic| Pattern::new(topic).ok())
            .collect(),
        kind: subscriber.kind,
        pulled: false,
        replies: subscriber.replies.map(|(kind, _)| kind),
        batch: batch(subscriber),
        capacity: capacity(subscriber, usual),
        overflow: subscriber.overflow,
        selective: subscriber.filter.is_some() || subscriber.key.is_some(),
    }
}

fn batch(subscriber: &SubscriberEntry) -> Option<Batch> {
    match subscriber.call {
        Call::Each(_) => None,
        Call::Batch(_, batch) => Some(batch),
    }
}

fn capacity(subscriber: &SubscriberEntry, usual: NonZeroUsize) -> usize {
    subscriber.capacity.unwrap_or(usual.get())
}
