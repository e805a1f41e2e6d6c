//! Who publishes what to whom, and what does not fit.

use std::{
    cell::OnceCell,
    collections::{HashMap, HashSet},
};

use crate::{
    error::{
        Finding, FindingKind,
        advice::{on_several, on_types},
    },
    registry::subscriber::SubscriberEntry,
    signal::Kind,
    site::Site,
    topic::{name, pattern::Pattern},
    topology::{patterns::Patterns, select::Chosen, travel::travels},
};

/// One end of a topic: a publisher or a subscriber, and the type it speaks of.
#[derive(Clone)]
struct End {
    site: Site,
    kind: Option<Kind>,
    publishes: bool,
}

impl End {
    fn part(&self) -> String {
        let verb = if self.publishes {
            "publishes"
        } else {
            "subscribes to"
        };
        match self.kind {
            Some(kind) => format!("{verb} `{}`", kind.name),
            None => verb.to_owned(),
        }
    }
}

/// All ends of a bus, by topic and by pattern.
pub(crate) struct Wiring<'a> {
    exact: HashMap<&'a str, Vec<End>>,
    patterns: Vec<(Pattern, End)>,
    overlapping: Patterns,
    /// Made for the first pattern: many programs have none.
    index: OnceCell<Tokens<'a>>,
}

impl<'a> Wiring<'a> {
    pub(crate) fn new(chosen: &'a Chosen) -> Self {
        let mut wiring = Self {
            exact: HashMap::with_capacity(chosen.publishers.len()),
            patterns: Vec::new(),
            overlapping: Patterns::default(),
            index: OnceCell::new(),
        };
        for (publisher, _) in &chosen.publishers {
            wiring.add(publisher.topic, publisher.site, publisher.kind, true);
        }
        for subscriber in &chosen.subscribers {
            for topic in &subscriber.topics {
                wiring.add(topic, subscriber.site, subscriber.kind, false);
            }
        }
        wiring
    }

    fn add(&mut self, topic: &'a str, site: Site, kind: Option<Kind>, publishes: bool) {
        let end = End {
            site,
            kind,
            publishes,
        };
        match Pattern::new(topic) {
            Ok(pattern) if !pattern.is_exact() => {
                self.overlapping.insert(&pattern, self.patterns.len());
                self.patterns.push((pattern, end));
            }
            _ => self.exact.entry(topic).or_default().push(end),
        }
    }

    /// Calls `found` with each exact topic that a pattern matches.
    fn matching(&self, pattern: &Pattern, found: &mut impl FnMut(&'a str)) {
        let index = || {
            let mut index = Tokens::default();
            self.exact.keys().for_each(|topic| index.insert(topic));
            index
        };
        self.index.get_or_init(index).matching(pattern, found);
    }

    /// Topics that would carry two types.
    pub(crate) fn type_mismatches(&self) -> Vec<Finding> {
        let mut beside: HashMap<&str, Vec<&End>> = HashMap::new();
        for (pattern, end) in &self.patterns {
            self.matching(pattern, &mut |topic| {
                beside.entry(topic).or_default().push(end);
            });
        }
        let conflicts = self.exact.iter().filter_map(|(topic, ends)| {
            let beside = beside.get(topic).into_iter().flatten().copied();
            conflict(topic, ends.iter().chain(beside))
        });
        let mut findings: Vec<_> = conflicts.collect();
        findings.extend(self.template_mismatches());
        findings
    }

    /// Templates of publishers against patterns of subscribers: no exact topic is known of either.
    fn template_mismatches(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (template, publisher) in self.patterns.iter().filter(|(_, end)| end.publishes) {
            // What covers the other overlaps it.
            for place in self.overlapping.candidates(template) {
                let (pattern, other) = &self.patterns[place];
                let fits = pattern.covers(template) || template.covers(pattern);
                let twice = other.publishes && (pattern, other.site) <= (template, publisher.site);
                if fits && !twice {
                    findings.extend(conflict(template.as_str(), [publisher, other].into_iter()));
                }
            }
        }
        findings
    }

    /// Publishers nobody hears, subscribers nobody feeds; of what travels, other processes may do so.
    pub(crate) fn unconnected(&self, chosen: &Chosen, travelling: &[Pattern]) -> Vec<Finding> {
        let heard = self.reached_by_patterns(false);
        let fed = self.reached_by_patterns(true);
        let mut findings = Vec::new();
        for (publisher, _) in chosen.publishers.iter().filter(|(_, taken)| *taken) {
            let far = !publisher.traits.local && travels(travelling, publisher.topic);
            if !far && !self.meets(publisher.topic, &heard, false) {
                let message = format!("nobody hears `{}`", publisher.written);
                let finding = Finding::new(FindingKind::Unheard, message);
                findings.push(finding.at(publisher.site, "publishes it"));
            }
        }
        // Requests are made by hand.
        let fed_by_publishers = chosen.subscribers.iter();
        let fed_by_publishers = fed_by_publishers.filter(|one| one.replies.is_none());
        for subscriber in fed_by_publishers {
            for topic in &subscriber.topics {
                let far = name::is_reserved(topic) || travels(travelling, topic);
                if !far && !self.meets(topic, &fed, true) {
                    let message = format!("no publisher feeds `{topic}`");
                    let finding = Finding::new(FindingKind::Unfed, message);
                    findings.push(finding.at(subscriber.site, "subscribes to it"));
                }
            }
        }
        findings
    }

    /// Exact topics that have an end of the kind through a pattern.
    fn reached_by_patterns(&self, publishes: bool) -> HashSet<&'a str> {
        let mut reached = HashSet::new();
        let patterns = self.patterns.iter();
        for (pattern, _) in patterns.filter(|(_, end)| end.publishes == publishes) {
            self.matching(pattern, &mut |topic| {
                reached.insert(topic);
            });
        }
        reached
    }

    fn meets(&self, topic: &str, by_patterns: &HashSet<&str>, publishes: bool) -> bool {
        let reached = |topic: &str| {
            let mut named = self.exact.get(topic).into_iter().flatten();
            named.any(|end| end.publishes == publishes) || by_patterns.contains(topic)
        };
        if reached(topic) {
            return true;
        }
        let Some(pattern) = Pattern::new(topic)
            .ok()
            .filter(|pattern| !pattern.is_exact())
        else {
            return false;
        };
        let mut found = false;
        self.matching(&pattern, &mut |topic| found |= reached(topic));
        let candidates = self.overlapping.candidates(&pattern);
        let mut others = candidates.into_iter().map(|place| &self.patterns[place]);
        found || others.any(|(other, end)| end.publishes == publishes && other.overlaps(&pattern))
    }
}

/// Two types on one topic, and who speaks of them: one place for each type on each side.
fn conflict<'a>(topic: &str, ends: impl Iterator<Item = &'a End> + Clone) -> Option<Finding> {
    let mut kinds = ends.clone().filter_map(|end| end.kind);
    let first = kinds.next()?;
    if kinds.all(|kind| kind == first) {
        return None;
    }
    let mut ends: Vec<_> = ends.filter(|end| end.kind.is_some()).collect();
    let message = format!("topic `{topic}` carries two types{}", advice(&ends));
    let mut finding = Finding::new(FindingKind::TypeMismatch, message);
    ends.sort_by_key(|end| (!end.publishes, end.site));
    for end in ends {
        finding = finding.at(end.site, end.part());
    }
    Some(finding)
}

/// What to write, where a publisher and a subscriber of the topic differ in a way that is often met.
fn advice(ends: &[&End]) -> &'static str {
    let kinds = |publishes: bool| {
        let ends = ends.iter().filter(move |end| end.publishes == publishes);
        ends.filter_map(|end| end.kind)
    };
    let pairs = kinds(true).flat_map(|from| kinds(false).map(move |to| (from, to)));
    let mut advice = pairs
        .filter(|(from, to)| from != to)
        .flat_map(|(from, to)| {
            let (from, to) = (from.name, to.name);
            [on_types(from, to), on_several(from, to)]
        });
    advice.find(|advice| !advice.is_empty()).unwrap_or_default()
}

/// Exact topics by their tokens, so that a pattern finds those it matches without looking at all.
#[derive(Default)]
struct Tokens<'a> {
    topic: Option<&'a str>,
    next: HashMap<&'a str, Self>,
}

impl<'a> Tokens<'a> {
    fn insert(&mut self, topic: &'a str) {
        let mut node = self;
        for token in topic.split('.') {
            node = node.next.entry(token).or_default();
        }
        node.topic = Some(topic);
    }

    fn matching(&self, pattern: &Pattern, found: &mut impl FnMut(&'a str)) {
        let tokens: Vec<_> = pattern.as_str().split('.').collect();
        self.walk(&tokens, !pattern.is_reserved(), found);
    }

    /// `plain` while the topic may still turn out to be one of the bus's own.
    fn walk(&self, tokens: &[&str], plain: bool, found: &mut impl FnMut(&'a str)) {
        let Some((token, rest)) = tokens.split_first() else {
            self.topic.into_iter().for_each(found);
            return;
        };
        if *token == "**" {
            self.topic.into_iter().for_each(&mut *found);
        }
        if !matches!(*token, "*" | ">" | "**") {
            if let Some(node) = self.next.get(*token) {
                node.walk(rest, false, found);
            }
            return;
        }
        for (name, node) in &self.next {
            if !(plain && *name == name::RESERVED) {
                let rest = if *token == "*" { rest } else { &["**"] };
                node.walk(rest, false, found);
            }
        }
    }
}

/// Functions that feed each other in a circle through what they subscribe to and publish.
pub(crate) fn topic_cycles(chosen: &Chosen) -> Vec<Finding> {
    let mut outputs: HashMap<Site, Vec<&str>> = HashMap::new();
    for (publisher, _) in &chosen.publishers {
        outputs
            .entry(publisher.site)
            .or_default()
            .push(publisher.topic);
    }
    let stages = chosen
        .subscribers
        .iter()
        .filter(|s| outputs.contains_key(&s.site));
    let stages: Vec<&SubscriberEntry> = stages.collect();
    let (mut by_topic, mut by_pattern) = (HashMap::<&str, Vec<usize>>::new(), Vec::new());
    for (index, stage) in stages.iter().enumerate() {
        for topic in &stage.topics {
            match Pattern::new(topic) {
                Ok(pattern) if !pattern.is_exact() => by_pattern.push((pattern, index)),
                _ => by_topic.entry(topic).or_default().push(index),
            }
        }
    }
    let feeds = |index: usize| -> Vec<usize> {
        let mut fed = Vec::new();
        for topic in &outputs[&stages[index].site] {
            fed.extend(by_topic.get(topic).into_iter().flatten().copied());
            if let Ok(output) = Pattern::new(topic) {
                let hearing = by_pattern
                    .iter()
                    .filter(|(pattern, _)| pattern.overlaps(&output));
                fed.extend(hearing.map(|(_, index)| *index));
            }
        }
        fed
    };
    let cycles = cycles(stages.len(), feeds);
    cycles
        .into_iter()
        .map(|cycle| describe(&cycle, &stages))
        .collect()
}

fn describe(cycle: &[usize], stages: &[&SubscriberEntry]) -> Finding {
    let topics: Vec<_> = cycle.iter().map(|&stage| stages[stage].topics[0]).collect();
    let message = format!(
        "topics feed each other in a circle: {}",
        topics.join(" -> ")
    );
    let mut finding = Finding::new(FindingKind::TopicCycle, message);
    for &stage in cycle {
        let part = format!("hears `{}`", stages[stage].topics.join("`, `"));
        finding = finding.at(stages[stage].site, part);
    }
    finding
}

/// One circle for each way back that a depth-first walk finds; without recursion, since chains may be long.
fn cycles(count: usize, next: impl Fn(usize) -> Vec<usize>) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    let mut marks = vec![Mark::New; count];
    for start in 0..count {
        let mut path: Vec<(usize, std::vec::IntoIter<usize>)> = Vec::new();
        let mut enter = (marks[start] == Mark::New).then_some(start);
        loop {
            if let Some(node) = enter.take() {
                marks[node] = Mark::OnPath(path.len());
                path.push((node, next(node).into_iter()));
            }
            let Some((node, successors)) = path.last_mut() else {
                break;
            };
            match successors.next() {
                None => {
                    marks[*node] = Mark::Done;
                    path.pop();
                }
                Some(next) => match marks[next] {
                    Mark::New => enter = Some(next),
                    Mark::OnPath(at) => {
                        found.push(path[at..].iter().map(|(node, _)| *node).collect());
                    }
                    Mark::Done => {}
                },
            }
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnPath(usize),
    Done,
}
