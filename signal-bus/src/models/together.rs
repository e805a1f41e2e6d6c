//! The handlers of a log, as the one task sees them that drives them.

use std::{future::poll_fn, mem::swap, sync::Arc};

use crate::{
    models::{Hand, Topic},
    queue::{
        cohort::{Companion, Round, Seen},
        runs::{Got, Through},
        stores::QueueId,
    },
    signal::{segment::Segment, stock::Stock},
};

/// One of several handlers that one task drives.
struct Seat {
    queue: QueueId,
    together: bool,
    got: Got,
    hand: Hand,
}

impl Companion for Seat {
    fn queue(&self) -> QueueId {
        self.queue
    }

    fn is_together(&self) -> bool {
        self.together
    }

    fn go_together(&mut self, together: bool) {
        self.together = together;
    }

    fn through(&mut self) -> Through<'_> {
        self.hand.through(self.queue)
    }

    fn get(&mut self, got: Got) {
        self.got = got;
    }
}

impl Seat {
    fn new(queue: QueueId) -> Self {
        Self {
            queue,
            together: false,
            got: Got::Nothing,
            hand: Hand::new(),
        }
    }

    /// Handles what it has for itself, or what all have.
    fn turn(&mut self, segment: Option<&Arc<Segment>>) {
        let others = segment.filter(|_| self.together);
        if let Some(segment) = others {
            let mut stock = Stock::default();
            stock.add_segment(Arc::clone(segment));
            swap(&mut stock, &mut self.hand.stock);
            while self.hand.begins() {}
            self.hand.lead.end();
            swap(&mut stock, &mut self.hand.stock);
        } else if self.got == Got::Signals {
            self.hand.handles();
        }
    }
}

/// Drives the handlers of a log until there will be nothing, in one task; the places of what each has handled.
pub(super) async fn drive(topic: &Topic) -> Vec<Vec<u64>> {
    let log = topic.lane.expect("it has a log").log;
    let mut seats: Vec<_> = topic.queues.iter().copied().map(Seat::new).collect();
    let (mut seen, mut spare) = (Seen::default(), Vec::new());
    loop {
        let exchange = &topic.exchange;
        let round = poll_fn(|context| {
            exchange.poll_together(log, &mut seats, &mut seen, &mut spare, context)
        });
        let Round::Signals(segment) = round.await else {
            return seats.into_iter().map(|seat| seat.hand.begun).collect();
        };
        let turns = seats.iter_mut();
        turns.for_each(|seat| seat.turn(segment.as_ref()));
        spare.extend(segment);
        spare.retain_mut(Segment::empty);
    }
}
