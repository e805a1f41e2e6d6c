//! Which subscribers have their signals in one log together.

use std::{collections::BTreeMap, sync::Arc};

use crate::{route::hearer::Hearer, scope::running::Running, topic::pattern::Pattern};

/// Lets subscribers that get the same signals have them in one log.
pub(super) fn share(running: &Running, sharing: Vec<Arc<Hearer>>) {
    let mut topics: BTreeMap<String, Vec<Arc<Hearer>>> = BTreeMap::new();
    for hearer in sharing {
        let topic = hearer.patterns().map(Pattern::as_str).collect();
        topics.entry(topic).or_default().push(hearer);
    }
    for mut hearers in topics.into_values() {
        while let Some(first) = hearers.first().cloned() {
            let (same, others): (Vec<_>, _) =
                hearers.into_iter().partition(|one| one.shares_with(&first));
            hearers = others;
            let queues: Vec<_> = same.iter().map(|one| one.queue).collect();
            if let Some(log) = running.exchange.share(&queues) {
                same.iter().for_each(|one| one.share(log));
            }
        }
    }
}
