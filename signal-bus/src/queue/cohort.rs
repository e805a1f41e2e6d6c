//! Readers of a log that go through it together: what is noted of one of them is noted once for all.
//!
//! Their own notes stand still meanwhile, and are [brought up to date](State::update) before anybody looks at them. A reader that
//! stays behind, ends or fails, or gets something for itself, [leaves](State::leave_cohort) the others with its own notes.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    queue::{
        Exchange, Phase, State,
        log::{Log, LogId},
        offer::Target,
        runs::{Got, Through},
        store::Store,
        stores::QueueId,
        wakes::Wakes,
    },
    signal::{lead::Lead, segment::Segment},
};

/// How far those have read who go together.
#[derive(Default, Debug)]
pub(super) struct Cohort {
    count: usize,
    /// How many signals were put in before what they take next.
    at: u64,
    /// The number of the segment they take next.
    next: u64,
    /// The number of the segment they have.
    held: Option<u64>,
    /// How many signals are in that.
    size: usize,
    /// How many signals each of them is done with, those before it came included.
    done: u64,
    /// How many have left.
    left: u64,
}

/// That a reader goes with others.
#[derive(Debug)]
pub(super) struct Together {
    /// Up to where its own notes are kept: how many signals its cohort was done with.
    noted: u64,
    lead: Arc<Lead>,
}

/// A handler that is driven with the others of its log.
pub(crate) trait Companion {
    fn queue(&self) -> QueueId;
    /// Whether its notes are those of the cohort.
    fn is_together(&self) -> bool;
    fn go_together(&mut self, together: bool);
    /// What it has handled by itself, and what it has left.
    fn through(&mut self) -> Through<'_>;
    /// Tells it what it has got for itself.
    fn get(&mut self, got: Got);
}

/// What the driver of a cohort has seen when it looked last.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Seen {
    /// How often somebody had left.
    left: u64,
    /// How many it drives, and whether all of them go together.
    all: Option<usize>,
}

/// What there is for those who are driven together.
pub(crate) enum Round {
    /// Signals: the segment for the cohort, if there is one, and what each of the others was told of.
    Signals(Option<Arc<Segment>>),
    /// Nothing, now or later.
    Ended,
}

impl Exchange {
    /// As [`poll_run`](Self::poll_run), for those who read the same log and are driven by one task.
    pub(crate) fn poll_together<C: Companion>(
        &self,
        log: LogId,
        companions: &mut [C],
        seen: &mut Seen,
        spare: &mut Vec<Arc<Segment>>,
        context: &mut Context<'_>,
    ) -> Poll<Round> {
        let mut wakes = Wakes::default();
        let mut state = self.lock_late();
        if state.phase == Phase::Closed {
            return Poll::Ready(Round::Ended);
        }
        spare
            .drain(..)
            .for_each(|one| state.logs[log.index()].keep_spare(one));
        wakes.reuse(spare);
        state.dismiss(log, companions, seen);
        let mut settled = state.settle_cohort(log, &mut wakes);
        let mut best = match state.logs[log.index()].cohort.count {
            0 => Got::Ended,
            _ => Got::Nothing,
        };
        if seen.all != Some(companions.len()) {
            let alone = companions.iter_mut().filter(|one| !one.is_together());
            for companion in alone {
                let (got, count) = state.turn_over_alone(log, companion, context, &mut wakes);
                settled += count;
                best = best.max(got);
            }
            let all = companions.iter().all(Companion::is_together);
            seen.all = all.then_some(companions.len());
        }
        let segment = state.logs[log.index()].take_together(&mut wakes);
        if segment.is_some() {
            best = Got::Signals;
        }
        if best == Got::Nothing {
            state.logs[log.index()].idle_together(context.waker());
        }
        state.less(settled, 0, self, &mut wakes);
        wakes.reuse(spare);
        drop(state);
        spare.retain_mut(Segment::empty);
        self.tell(&mut wakes);
        match best {
            Got::Signals => Poll::Ready(Round::Signals(segment)),
            Got::Nothing => Poll::Pending,
            Got::Ended => Poll::Ready(Round::Ended),
        }
    }

    /// Gives a reader notes of its own.
    pub(crate) fn part(&self, queue: QueueId) {
        self.lock().leave_cohort(queue);
    }
}

impl State {
    /// Finds out who has been taken out of the cohort.
    fn dismiss<C: Companion>(&self, log: LogId, companions: &mut [C], seen: &mut Seen) {
        let left = self.logs[log.index()].cohort.left;
        if seen.left == left {
            return;
        }
        *seen = Seen { left, all: None };
        for companion in companions.iter_mut().filter(|one| one.is_together()) {
            let store = self.stores.get(companion.queue());
            companion.go_together(store.is_some_and(Store::is_together));
        }
    }

    /// Settles what the cohort was through with; how many signals that were.
    fn settle_cohort(&mut self, log: LogId, wakes: &mut Wakes) -> usize {
        let settled = self.logs[log.index()].settle_together(wakes);
        if 0 < settled {
            self.freed_in(log, wakes);
        }
        settled
    }

    /// Settles what one has handled by itself, and fills it again; or takes it into the cohort, if it has caught up.
    fn turn_over_alone<C: Companion>(
        &mut self,
        log: LogId,
        companion: &mut C,
        context: &mut Context<'_>,
        wakes: &mut Wakes,
    ) -> (Got, usize) {
        let hand = companion.through();
        let (queue, worker) = (hand.queue, hand.worker);
        let (handled, lead) = (hand.handled.all(), Arc::clone(hand.lead));
        let got = self.turn_over(hand, wakes);
        if let Some(store) = self.stores.get_mut(queue) {
            // It is woken with the others, but also for what concerns it alone.
            wakes.drop_waker(store.park(worker, context.waker()));
            let log = &mut self.logs[log.index()];
            if got == Got::Nothing && store.join_cohort(log, lead) {
                companion.go_together(true);
            }
        }
        companion.get(got);
        self.settled(queue, handled, wakes);
        (got, handled)
    }

    /// Brings the notes of a reader up to date, if those of its cohort stand for them.
    pub(super) fn update(&mut self, queue: QueueId) {
        if let Some(store) = self.stores.get_mut(queue) {
            store.update(&self.logs);
        }
    }

    /// Brings the notes of all readers up to date.
    pub(super) fn update_all(&mut self) {
        let Self { stores, logs, .. } = self;
        stores.iter_mut().for_each(|store| store.update(logs));
    }

    /// Brings the notes of those up to date whose handlers wait to publish, one that is about to wait included.
    pub(super) fn update_blocked(&mut self, about_to: Option<QueueId>) {
        about_to.into_iter().for_each(|queue| self.update(queue));
        let Self {
            stores,
            logs,
            blocked,
            ..
        } = self;
        for blocked in blocked {
            if let Some(store) = stores.get_mut(blocked.handling.0) {
                store.update(logs);
            }
        }
    }

    /// Lets a reader go by itself from now on.
    pub(super) fn leave_cohort(&mut self, queue: QueueId) {
        if let Some(store) = self.stores.get_mut(queue) {
            store.leave_cohort(&mut self.logs);
        }
    }

    /// Lets those go by themselves that are to get something alone: the room for it is their own, and is waited for.
    pub(super) fn leave_for(&mut self, targets: &[Target]) {
        let alone = targets.iter().filter(|target| target.alone);
        alone.for_each(|target| self.leave_cohort(target.queue));
    }
}

impl Store {
    pub(super) fn is_together(&self) -> bool {
        let reading = self.reading.as_ref();
        reading.is_some_and(|reading| reading.together.is_some())
    }

    /// Goes with others, if it has nothing to do and is where they are.
    fn join_cohort(&mut self, log: &mut Log, lead: Arc<Lead>) -> bool {
        let Some(reading) = self.reading.as_mut().filter(|_| self.open) else {
            return false;
        };
        let cohort = &mut log.cohort;
        if cohort.count == 0 {
            (cohort.at, cohort.next) = (reading.at, reading.next);
        }
        let caught_up = (cohort.at, cohort.next, cohort.held) == (reading.at, reading.next, None);
        if !caught_up || reading.held.is_some() || reading.beside {
            return false;
        }
        cohort.count += 1;
        reading.together = Some(Together {
            noted: cohort.done,
            lead,
        });
        true
    }

    /// As [`State::update`].
    fn update(&mut self, logs: &[Log]) {
        let Some(reading) = self.reading.as_deref_mut() else {
            return;
        };
        let Some(together) = &mut reading.together else {
            return;
        };
        let cohort = &logs[reading.log.index()].cohort;
        let done = cohort.done - together.noted;
        self.counts.done += done;
        together.noted = cohort.done;
        together.lead.settle(done);
        (reading.at, reading.next, reading.held) = (cohort.at, cohort.next, cohort.held);
        self.handling = cohort.size;
        let handles = 0 < cohort.size;
        self.runs = handles;
        if handles {
            self.lead = Some(Arc::clone(&together.lead));
        }
        self.crew.count(usize::from(handles));
    }

    /// As [`State::leave_cohort`].
    pub(super) fn leave_cohort(&mut self, logs: &mut [Log]) {
        self.update(logs);
        let Some(reading) = self.reading.as_deref_mut() else {
            return;
        };
        if reading.together.take().is_some() {
            let cohort = &mut logs[reading.log.index()].cohort;
            cohort.count -= 1;
            cohort.left += 1;
        }
    }
}

impl Log {
    /// Notes that the cohort is through with the segment it has; how many signals it was through with, in all.
    fn settle_together(&mut self, wakes: &mut Wakes) -> usize {
        let Cohort { count, size, .. } = self.cohort;
        self.cohort.done += size as u64;
        self.cohort.size = 0;
        // Those who have left have it by themselves, and may be through.
        if let Some(held) = self.cohort.held.take().filter(|_| 0 < count) {
            self.leave_segment(held, count, wakes);
        }
        count * size
    }

    /// Hands the cohort its next segment, if there is one.
    fn take_together(&mut self, wakes: &mut Wakes) -> Option<Arc<Segment>> {
        let Cohort {
            count, at, next, ..
        } = self.cohort;
        if count == 0 || self.end() == at {
            return None;
        }
        let segment = self.begin_segment(next, count, wakes)?;
        let size = segment.len();
        self.cohort.at += size as u64;
        self.cohort.next += 1;
        self.cohort.held = Some(next);
        self.cohort.size = size;
        Some(segment)
    }
}
