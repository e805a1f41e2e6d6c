//! Finds handlers that wait for each other in a circle.
//!
//! A subscription is stuck when no handler of it can end: each one waits to publish into a subscription that is full and
//! stuck itself, and no further handler can be begun. That is the greatest set of which this holds, so it is found
//! by striking out whatever can move, until nothing more can be struck.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    queue::{
        log::Log,
        offer::{Inside, Target},
        store::Store,
        stores::{QueueId, Stores},
    },
    signal::id::SignalId,
};

/// A handler that waits for room.
#[derive(Debug)]
pub(crate) struct Blocked {
    pub(crate) ticket: u64,
    pub(crate) handling: (QueueId, SignalId),
    pub(crate) targets: Arc<[Target]>,
    /// Whether it has looked for a circle since the handler's other waits have changed.
    pub(crate) known: bool,
}

/// The subscriptions that would wait for each other for ever if the handler `inside` waited for `targets`.
pub(crate) fn circle(
    stores: &Stores,
    logs: &[Log],
    blocked: &[Blocked],
    inside: Option<Inside>,
    targets: &[Target],
) -> Option<Vec<QueueId>> {
    let me = inside?.handling()?;
    let waits = || {
        let others = blocked.iter().map(|one| (one.handling, &*one.targets));
        others.chain([(me, targets)])
    };
    let handlers: HashSet<(QueueId, SignalId)> = waits().map(|(handling, _)| handling).collect();
    let mut waiting: HashMap<QueueId, usize> = HashMap::new();
    for (queue, _) in handlers {
        *waiting.entry(queue).or_default() += 1;
    }
    let all_wait = |(queue, waiting): (QueueId, usize)| {
        let store = stores.get(queue)?;
        (store.depends_on_handlers() && store.calls() <= waiting).then_some(queue)
    };
    let mut stuck: HashSet<QueueId> = waiting.into_iter().filter_map(all_wait).collect();
    let held = |stuck: &HashSet<QueueId>, targets: &[Target]| {
        let mut targets = targets.iter();
        targets.any(|target| is_held(stores, logs, stuck, *target))
    };
    // The usual case: a handler of the own queue, or of every full target, still runs.
    if !stuck.contains(&me.0) || !held(&stuck, targets) {
        return None;
    }
    loop {
        let mut all = waits();
        let moves =
            all.find(|((queue, _), targets)| stuck.contains(queue) && !held(&stuck, targets));
        match moves {
            Some(((queue, _), _)) => stuck.remove(&queue),
            None => break,
        };
    }
    if !stuck.contains(&me.0) {
        return None;
    }
    let mut circle: Vec<_> = stuck.into_iter().collect();
    circle.sort_unstable();
    Some(circle)
}

/// Whether some of `stuck` are without room for what goes to `target`.
fn is_held(stores: &Stores, logs: &[Log], stuck: &HashSet<QueueId>, target: Target) -> bool {
    let queue = target.queue;
    let Some(store) = stores.get(queue) else {
        return false;
    };
    let log = store.log().filter(|_| !target.alone);
    let Some(log) = log.map(|log| &logs[log.index()]) else {
        return store.is_full() && stuck.contains(&queue);
    };
    let holds_up = |reader: &QueueId| {
        let reading = stores
            .get(*reader)
            .and_then(|store| store.reading.as_deref());
        stuck.contains(reader) && reading.is_some_and(|reading| reading.holds_up(log))
    };
    let has_no_room = |reader: &QueueId| {
        stuck.contains(reader) && stores.get(*reader).is_some_and(Store::is_full)
    };
    log.is_full() && log.readers().iter().any(holds_up) || log.beside().iter().any(has_no_room)
}
