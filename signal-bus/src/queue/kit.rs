//! What the tests of queues and the models have in common.

use std::{num::NonZeroUsize, sync::Arc};

use crate::{
    queue::{
        Exchange, Settings,
        generation::begin_generation,
        joining::Replay,
        kept::Since,
        parked::WorkerId,
        runs::{Handled, Through},
        stores::QueueId,
    },
    registry::subscriber::Overflow,
    signal::{lead::Lead, stock::Stock},
};

/// The settings of a queue whose handler takes one signal after the other.
pub(crate) fn one_by_one(capacity: usize) -> Settings {
    Settings {
        capacity: NonZeroUsize::new(capacity).expect("a capacity"),
        limit: NonZeroUsize::new(1),
        keyed: false,
        overflow: Overflow::Wait,
        batch: None,
        shared: false,
        pulled: false,
        replies: false,
        leaves: false,
    }
}

/// Opens a queue; returns it with the generation that it begins.
pub(crate) fn join(exchange: &Exchange, settings: Settings) -> (QueueId, u64) {
    let replay = Replay {
        since: Since::Now,
        wants: &|_| false,
    };
    let generation = begin_generation();
    let joined = exchange.join(settings, generation, &replay);
    (joined.expect("it runs"), generation)
}

/// A handler that is through with its run, and has not failed.
pub(crate) fn through<'hand>(
    (queue, worker): (QueueId, WorkerId),
    stock: &'hand mut Stock,
    lead: &'hand Arc<Lead>,
) -> Through<'hand> {
    Through {
        queue,
        worker,
        handled: Handled {
            done: lead.unsettled(),
            dead: 0,
        },
        stock,
        lead,
    }
}
