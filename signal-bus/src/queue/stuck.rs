//! Finds handlers that wait for each other in a circle.
//!
//! A subscription is stuck when no handler of it can end: each one waits to publish into a subscription that is full and
//! stuck itself, and no further handler can be begun. That is the greatest set of which this holds, so it is found
//! by striking out whatever can move, until nothing more can be struck.

use std::{collections::HashSet, sync::Arc};

use crate::{
    queue::{Inside, QueueId, Target, store::Store},
    signal::SignalId,
};

/// A handler that waits for room.
#[derive(Debug)]
pub(crate) struct Blocked {
    pub(crate) ticket: u64,
    pub(crate) handling: (QueueId, SignalId),
    pub(crate) targets: Arc<[Target]>,
}

/// The subscriptions that would wait for each other for ever if the handler `inside` waited for `targets`.
pub(crate) fn circle(
    stores: &[Store],
    blocked: &[Blocked],
    inside: Option<Inside>,
    targets: &[Target],
) -> Option<Vec<QueueId>> {
    let me = inside?.handling()?;
    let waits = || {
        let others = blocked.iter().map(|one| (one.handling, &*one.targets));
        others.chain([(me, targets)])
    };
    let mut waiting_handlers: HashSet<(QueueId, SignalId)> = HashSet::new();
    waiting_handlers.extend(waits().map(|(handling, _)| handling));
    let all_wait = |queue: QueueId| {
        let store = &stores[queue.0];
        let waiting = waiting_handlers
            .iter()
            .filter(|(of, _)| *of == queue)
            .count();
        store.depends_on_handlers() && store.handling() <= waiting
    };
    let queues = waiting_handlers.iter().map(|(queue, _)| *queue);
    let mut stuck: HashSet<QueueId> = queues.filter(|queue| all_wait(*queue)).collect();
    loop {
        let moves = waits().find(|((queue, _), targets)| {
            let held = |t: &Target| stores[t.queue.0].is_full() && stuck.contains(&t.queue);
            stuck.contains(queue) && !targets.iter().any(held)
        });
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
