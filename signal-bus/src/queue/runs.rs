//! Runs: several signals of one queue at once for a handler that takes one after the other.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    queue::{
        Exchange, Phase, Settings, State, entry::Entry, log::Log, parked::WorkerId, store::Store,
        stores::QueueId, wakes::Wakes,
    },
    registry::subscriber::Overflow,
    signal::run::{Run, Segment},
};

/// So many signals are in a run at most.
const RUN_MAX: usize = 64;
/// And so much of the capacity, by parts: it is free again only when the run is over.
const PARTS_OF_CAPACITY: usize = 8;

/// How the signals of a run have ended.
#[derive(Clone, Copy, Default, Debug)]
#[must_use = "what was handled is outstanding until it is settled"]
pub(crate) struct Handled {
    pub(crate) done: usize,
    pub(crate) dead: usize,
}

impl Handled {
    fn all(self) -> usize {
        self.done + self.dead
    }
}

impl Settings {
    /// Whether one handler takes all signals, one after the other, as they have come.
    pub(crate) fn in_runs(&self) -> bool {
        let in_turn = self.limit.is_some_and(|limit| limit.get() == 1);
        in_turn && !(self.keyed || self.shared || self.pulled || self.batch.is_some())
    }

    pub(super) fn run_max(&self) -> usize {
        match self.overflow {
            Overflow::Wait => (self.capacity.get() / PARTS_OF_CAPACITY).clamp(1, RUN_MAX),
            // What is in a run cannot be dropped any more.
            Overflow::DropOldest | Overflow::DropNewest => 1,
        }
    }
}

impl Exchange {
    /// Settles what was handled of a run, and waits until it can be filled again; `false` when it never can.
    ///
    /// One visit of the lock does all that a worker wants of it between two runs, and before it goes to sleep.
    pub(crate) fn poll_run(
        &self,
        queue: QueueId,
        worker: WorkerId,
        handled: &mut Handled,
        run: &mut Run,
        context: &mut Context<'_>,
    ) -> Poll<bool> {
        let mut wakes = Wakes::default();
        // What others have, too, is let go of before it is settled, and the lock is not held then.
        run.release_shared();
        let spare = run.take_spare();
        let handled = std::mem::take(handled);
        let mut state = self.lock();
        // After `abandon` the signals have been counted already.
        if state.phase == Phase::Closed {
            return Poll::Ready(false);
        }
        let State { stores, logs, .. } = &mut *state;
        let Some(store) = stores.get_mut(queue) else {
            return Poll::Ready(false);
        };
        store.settle_run(handled);
        let mut segment = None;
        if run.left() == 0 {
            store.end_run(worker, logs, &mut wakes);
            segment = store.take_run((queue, worker), run, logs, &mut wakes);
        }
        if let (Some(spare), Some(log)) = (spare, store.log()) {
            logs[log.index()].keep_spare(spare);
        }
        run.lead().recount();
        let polled = match (0 < run.left() || segment.is_some(), store.is_open()) {
            (true, _) => Poll::Ready(true),
            (false, false) => Poll::Ready(false),
            (false, true) => {
                store.park(worker, context.waker());
                Poll::Pending
            }
        };
        if polled.is_pending() {
            state.idle(queue);
        }
        if 0 < handled.all() {
            state.freed(queue, &mut wakes);
            state.remove_if_over(queue);
            state.less(handled.all(), 0, self, &mut wakes);
        }
        self.after(state, wakes);
        segment.into_iter().for_each(|one| run.add_segment(one));
        if polled.is_pending() {
            run.rest();
        }
        polled
    }

    /// Settles the signals of a run whose handler waits in the middle of it; how many those were.
    pub(crate) fn progress(&self, queue: QueueId) -> usize {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return 0;
        }
        let store = state.stores.get_mut(queue);
        let done = store.map_or(0, Store::settle_begun);
        if 0 < done {
            state.freed(queue, &mut wakes);
            state.less(done, 0, self, &mut wakes);
        }
        self.after(state, wakes);
        done
    }
}

impl Store {
    fn settle_run(&mut self, handled: Handled) {
        self.handling -= handled.all();
        self.counts.done += handled.done as u64;
        self.counts.dead += handled.dead as u64;
    }

    /// Settles what is over of a run that is out.
    pub(super) fn settle_begun(&mut self) -> usize {
        let done = self.run.as_ref().map_or(0, |run| run.unsettled());
        if let Some(run) = &self.run {
            run.settle(done);
        }
        self.settle_run(Handled { done, dead: 0 });
        done
    }

    fn end_run(&mut self, worker: WorkerId, logs: &mut [Log], wakes: &mut Wakes) {
        if self.run.take().is_some() {
            self.crew.end(worker);
        }
        if let Some(reading) = &mut self.reading {
            logs[reading.log.index()].done(reading, wakes);
        }
    }

    /// How many signals of a run that is out have not been begun.
    pub(super) fn ahead(&self) -> usize {
        let run = self.run.as_ref();
        run.map_or(0, |run| self.handling.saturating_sub(run.unsettled() + 1))
    }

    /// Takes what a handler may have in one go: into its run, or as a segment of a log.
    fn take_run(
        &mut self,
        (queue, worker): (QueueId, WorkerId),
        run: &mut Run,
        logs: &mut [Log],
        wakes: &mut Wakes,
    ) -> Option<Arc<Segment>> {
        self.parked.unpark(worker);
        if let (Some(reading), true) = (&self.reading, self.waiting.is_empty()) {
            logs[reading.log.index()].come_back(queue);
        }
        let segment = match &mut self.reading {
            Some(reading) if !reading.is_own_next() => {
                logs[reading.log.index()].take(reading, wakes)
            }
            _ => {
                self.take_waiting(run, wakes);
                None
            }
        };
        let size = run.left() + segment.as_ref().map_or(0, |segment| segment.len());
        if 0 < size {
            self.handling += size;
            self.run = Some(Arc::clone(run.lead()));
            self.crew.begin(worker);
        }
        segment
    }

    fn take_waiting(&mut self, run: &mut Run, wakes: &mut Wakes) {
        for _ in 0..self.settings.run_max() {
            // What is its own has a place among what others get, too.
            if self.reading.as_ref().is_some_and(|own| !own.is_own_next()) {
                return;
            }
            // What holds a ticket waits until it is begun with, so it is in no run behind another one.
            let held = self
                .waiting
                .front()
                .is_some_and(|next| next.ticket.is_some());
            if held && 0 < run.left() {
                return;
            }
            let Some(Entry { signal, ticket, .. }) = self.waiting.pop_front() else {
                return;
            };
            if let Some(reading) = &mut self.reading {
                reading.take_own();
            }
            run.add(signal);
            if held {
                wakes.unused.tickets.extend(ticket);
                return;
            }
        }
    }
}
