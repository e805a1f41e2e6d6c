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
    signal::{lead::Lead, segment::Segment, stock::Stock},
    sync::Locked,
};

/// So many signals are in a run at most.
const RUN_MAX: usize = 128;
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
    pub(super) fn all(self) -> usize {
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
            // Nobody could get at what is in a run.
            _ if self.leaves => 1,
            Overflow::Wait => (self.capacity.get() / PARTS_OF_CAPACITY).clamp(1, RUN_MAX),
            // What is in a run cannot be dropped any more.
            Overflow::DropOldest | Overflow::DropNewest => 1,
        }
    }
}

/// A handler that is through with its run.
pub(crate) struct Through<'hand> {
    pub(crate) queue: QueueId,
    pub(crate) worker: WorkerId,
    /// What the queue has not been told of.
    pub(crate) handled: Handled,
    /// What is left, and is filled again.
    pub(crate) stock: &'hand mut Stock,
    pub(crate) lead: &'hand Arc<Lead>,
}

/// What a hand has got for its next run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Got {
    /// Nothing, now or later.
    Ended,
    Nothing,
    Signals,
}

impl Exchange {
    /// Settles what was handled of a run, and waits until it can be filled again; `false` when it never can.
    ///
    /// One visit of the lock does all that a worker wants of it between two runs, and before it goes to sleep.
    pub(crate) fn poll_run(&self, mut hand: Through<'_>, context: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.lock_late();
        let Some(got) = state.turn_over_alone_in_log(&mut hand, context.waker()) else {
            return self.poll_any_run(state, hand, context);
        };
        let quiet = state.tells_of_quiet();
        drop(state);
        if quiet {
            self.tell_of_quiet();
        }
        match got {
            Got::Signals => Poll::Ready(true),
            Got::Nothing | Got::Ended => Poll::Pending,
        }
    }

    #[inline(never)]
    fn poll_any_run(
        &self,
        mut state: Locked<'_, State>,
        hand: Through<'_>,
        context: &mut Context<'_>,
    ) -> Poll<bool> {
        let mut wakes = Wakes::default();
        let (queue, worker, settled) = (hand.queue, hand.worker, hand.handled.all());
        // After `abandon` the signals have been counted already.
        if state.phase == Phase::Closed {
            return Poll::Ready(false);
        }
        let got = state.turn_over(hand, &mut wakes);
        let State { stores, logs, .. } = &mut *state;
        if let Some(store) = stores.get_mut(queue) {
            match got {
                Got::Nothing => {
                    wakes.drop_waker(store.park(worker, context.waker()));
                    store.idle(queue, logs);
                }
                Got::Signals | Got::Ended => wakes.drop_waker(store.parked.unpark(worker)),
            }
        }
        if 0 < settled {
            state.settled(queue, settled, &mut wakes);
            state.less(settled, 0, self, &mut wakes);
        }
        self.after(state, wakes);
        match got {
            Got::Signals => Poll::Ready(true),
            Got::Nothing => Poll::Pending,
            Got::Ended => Poll::Ready(false),
        }
    }

    /// Settles what was handled of a run that is over, and takes nothing.
    pub(crate) fn settle_run(&self, hand: &Through<'_>) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        // After `abandon` the signals have been counted already.
        if state.phase == Phase::Closed {
            return;
        }
        let (queue, settled) = (hand.queue, hand.handled.all());
        let State { stores, logs, .. } = &mut *state;
        if let Some(store) = stores.get_mut(queue) {
            store.settle_run(hand.handled);
            store.end_run(hand.worker, logs, &mut wakes);
        }
        hand.lead.settle_all();
        if 0 < settled {
            state.settled(queue, settled, &mut wakes);
            state.less(settled, 0, self, &mut wakes);
        }
        self.after(state, wakes);
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

impl State {
    /// Settles what was handled, and fills the hand again if it is empty.
    pub(super) fn turn_over(&mut self, hand: Through<'_>, wakes: &mut Wakes) -> Got {
        let Self { stores, logs, .. } = self;
        let Through {
            queue,
            worker,
            handled,
            stock,
            lead,
        } = hand;
        let Some(store) = stores.get_mut(queue) else {
            return Got::Ended;
        };
        store.settle_run(handled);
        if stock.left() == 0 {
            store.end_run(worker, logs, wakes);
            let segment = store.take_run((queue, worker), (stock, lead), logs, wakes);
            if let (Some(spare), Some(log)) = (stock.take_spare(), store.log()) {
                logs[log.index()].keep_spare(spare);
            }
            segment.into_iter().for_each(|one| stock.add_segment(one));
        }
        lead.settle_all();
        match (0 < stock.left(), store.is_open()) {
            (true, _) => Got::Signals,
            (false, true) => Got::Nothing,
            (false, false) => Got::Ended,
        }
    }

    /// Tells of the room that there is, once signals were settled.
    pub(super) fn settled(&mut self, queue: QueueId, count: usize, wakes: &mut Wakes) {
        if 0 < count {
            self.freed(queue, wakes);
            self.remove_if_over(queue);
        }
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
        let done = self.run().map_or(0, Lead::unsettled);
        if let Some(run) = self.run() {
            run.settle(done as u64);
        }
        self.settle_run(Handled { done, dead: 0 });
        done
    }

    /// What leads the run that is out, if there is one.
    pub(super) fn run(&self) -> Option<&Lead> {
        self.lead.as_deref().filter(|_| self.runs)
    }

    /// Notes that a run is out, which has this lead.
    pub(super) fn begin_run(&mut self, lead: &Arc<Lead>) {
        self.runs = true;
        let known = self.lead.as_ref();
        if !known.is_some_and(|known| Arc::ptr_eq(known, lead)) {
            self.lead = Some(Arc::clone(lead));
        }
    }

    fn end_run(&mut self, worker: WorkerId, logs: &mut [Log], wakes: &mut Wakes) {
        if std::mem::take(&mut self.runs) {
            self.crew.end(worker);
        }
        if let Some(reading) = &mut self.reading {
            logs[reading.log.index()].done(reading, wakes);
        }
    }

    /// How many signals of a run that is out have not been begun.
    pub(super) fn ahead(&self) -> usize {
        self.run().map_or(0, |run| {
            let begun = run.unsettled() + usize::from(run.is_on());
            self.handling.saturating_sub(begun)
        })
    }

    /// Takes what a handler may have in one go: into its run, or as a segment of a log.
    fn take_run(
        &mut self,
        (queue, worker): (QueueId, WorkerId),
        (stock, lead): (&mut Stock, &Arc<Lead>),
        logs: &mut [Log],
        wakes: &mut Wakes,
    ) -> Option<Arc<Segment>> {
        if let Some(reading) = &mut self.reading {
            logs[reading.log.index()].come_back(reading, queue);
        }
        let segment = match &mut self.reading {
            Some(reading) if !reading.is_own_next() => {
                logs[reading.log.index()].take(reading, wakes)
            }
            _ => {
                self.take_waiting(stock, wakes);
                None
            }
        };
        let size = stock.left() + segment.as_ref().map_or(0, |segment| segment.len());
        if 0 < size {
            self.handling += size;
            self.begin_run(lead);
            self.crew.begin(worker);
        }
        segment
    }

    fn take_waiting(&mut self, stock: &mut Stock, wakes: &mut Wakes) {
        while !stock.is_full(self.settings.run_max()) {
            // What is its own has a place among what others get, too.
            if self.reading.as_ref().is_some_and(|own| !own.is_own_next()) {
                return;
            }
            // What holds a ticket waits until it is begun with, so it is in no run behind another one.
            let held = self
                .waiting
                .front()
                .is_some_and(|next| next.ticket.is_some());
            if held && 0 < stock.left() {
                return;
            }
            let Some(Entry { signal, ticket, .. }) = self.waiting.pop_front() else {
                return;
            };
            if let Some(reading) = &mut self.reading {
                reading.take_own();
            }
            stock.add(signal);
            if held {
                ticket.into_iter().for_each(|ticket| wakes.release(ticket));
                return;
            }
        }
    }
}
