//! The wall between the publisher's task and the worker's: where signals wait.
//!
//! One lock guards every queue of a bus, so each step below is all or nothing: a signal enters all of its queues
//! or none, the gate closes between two steps and not inside one, and the count of what is outstanding is exact.
//!
//! ```text
//! Running ──close_gate()──▶ Draining ──outstanding = 0──▶ Closed
//!                               └────────abandon()──────────▲
//! ```
//!
//! A publisher that finds a queue full waits in the line of its topic (a handler in one of its own) and tries again, whole, when there is room; only
//! the first in line tries, so publishers are served in order. It holds nothing while it waits, so publishers never
//! wait for each other, only for handlers; where handlers wait for each other in a circle ([`stuck`]), the one
//! that closes the circle is let through over capacity.
//!
//! Queues come and go while others run. Each coming has a number, the generation; an offer that was routed in an older one is
//! [stale](admission::Rejected::Stale) and routed again, so whoever has joined misses nothing that is let in from then on.

pub(crate) mod admission;
mod alike;
mod closing;
pub(crate) mod cohort;
pub(crate) mod crew;
pub(crate) mod entry;
pub(crate) mod generation;
mod idle;
pub(crate) mod joining;
pub(crate) mod kept;
#[cfg(test)]
pub(crate) mod kit;
pub(crate) mod lane;
pub(crate) mod ledger;
pub(crate) mod line;
pub(crate) mod log;
mod lone;
pub(crate) mod offer;
pub(crate) mod parked;
mod reading;
mod replaying;
mod resting;
pub(crate) mod runs;
mod shared;
pub(crate) mod store;
pub(crate) mod stores;
pub(crate) mod stuck;
pub(crate) mod taking;
mod waiting;
pub(crate) mod wakes;

use std::{collections::BTreeMap, num::NonZeroUsize, sync::atomic::Ordering};

use crate::{
    guarded::{caught, discard},
    queue::{
        kept::Kept,
        ledger::{Ledger, Publishing},
        line::{Line, LineId},
        log::{Log, LogId},
        offer::Inside,
        store::Store,
        stores::{QueueId, Stores},
        stuck::Blocked,
        wakes::Wakes,
    },
    registry::subscriber::{Batch, Overflow},
    signal::id::SignalId,
    sync::{AtomicU8, Lock, Locked, Notify},
};

/// How a queue behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// Signals outstanding at most, counting those in handlers.
    pub(crate) capacity: NonZeroUsize,
    /// Handlers at once at most; `None`: as many as there are signals.
    pub(crate) limit: Option<NonZeroUsize>,
    /// Signals of one key are handled one after the other.
    pub(crate) keyed: bool,
    /// What happens at the limit.
    pub(crate) overflow: Overflow,
    /// How many are handed out at once.
    pub(crate) batch: Option<Batch>,
    /// Several workers or readers may share it.
    pub(crate) shared: bool,
    /// A reader takes the signals, in his own time; nobody else handles them.
    pub(crate) pulled: bool,
    /// Whether its handler replies to requests.
    pub(crate) replies: bool,
    /// Whether who takes from it may leave at any time, and leaves here what it has not begun with.
    pub(crate) leaves: bool,
}

impl Settings {
    /// Whether there is one handler at once, of one subscriber.
    pub(crate) fn is_serial(&self) -> bool {
        self.limit == Some(NonZeroUsize::MIN) && !self.shared
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Phase {
    Running,
    Draining,
    Closed,
}

/// How the handling of a signal ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Done,
    Dead,
    /// It was to be tried again, and nobody wants that any more.
    Abandoned,
}

/// All queues of a running bus.
#[derive(Debug)]
pub(crate) struct Exchange {
    state: Lock<State>,
    /// A copy of the state's phase that can be read without the lock.
    phase: AtomicU8,
    /// Tells of each moment at which no handler has anything to do.
    quiet: Notify,
    /// Tells of the end.
    end: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Counts who has come; offers of an older generation may not know all.
    generation: u64,
    /// Signals for handlers, queued or in them, and periodic runs begun or still owed.
    working: usize,
    /// Signals that wait for readers.
    held: usize,
    /// Signals that readers have taken.
    reads: u64,
    /// How often `working` has come down to zero.
    quiet_count: u64,
    /// Whether somebody waits for the next time: to tell of it costs as much as a signal.
    quiet_awaited: bool,
    stores: Stores,
    logs: Vec<Log>,
    kept: Kept,
    lines: BTreeMap<LineId, Line>,
    /// How often the phase has changed, or who waits in the lines: what lets others follow may not hold any more.
    changes: u64,
    /// Handlers that wait in a line.
    blocked: Vec<Blocked>,
    last_signal: SignalId,
    last_ticket: u64,
    over_capacity: u64,
    /// Signals that were let in, and had a queue to go to.
    routed: u64,
}

impl Exchange {
    /// Opens without queues; `runs_owed` periodic functions will run once whatever happens.
    pub(crate) fn new(kept: Kept, runs_owed: usize, generation: u64) -> Self {
        Self {
            state: Lock::at_home(State {
                phase: Phase::Running,
                generation,
                working: runs_owed,
                held: 0,
                reads: 0,
                quiet_count: 0,
                quiet_awaited: false,
                stores: Stores::default(),
                logs: Vec::new(),
                kept,
                lines: BTreeMap::new(),
                changes: 0,
                blocked: Vec::new(),
                last_signal: SignalId::UNSET,
                last_ticket: 0,
                over_capacity: 0,
                routed: 0,
            }),
            phase: AtomicU8::new(Phase::Running as u8),
            quiet: Notify::new(),
            end: Notify::new(),
        }
    }

    /// Whether a publish from `inside` may still get in; without the lock, so only until it does not matter.
    #[inline]
    pub(crate) fn is_open_to(&self, inside: Option<Inside>) -> bool {
        let phase = self.phase.load(Ordering::Acquire);
        phase == Phase::Running as u8 || phase == Phase::Draining as u8 && inside.is_some()
    }

    /// Begins a periodic run, if the gate is open.
    pub(crate) fn begin_run(&self) -> bool {
        let mut state = self.lock();
        let open = state.phase == Phase::Running;
        if open {
            state.working += 1;
        }
        open
    }

    /// Ends a periodic run, begun or owed.
    pub(crate) fn end_run(&self) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return;
        }
        state.less(1, 0, self, &mut wakes);
        self.after(state, wakes);
    }

    /// Lets all publishers that wait look again where their signals go.
    pub(crate) fn wake_publishers(&self) {
        let mut wakes = Wakes::default();
        let state = self.lock();
        for line in state.lines.values() {
            line.wake_all(&mut wakes);
        }
        drop(state);
        wakes.wake();
    }

    /// The id of the last signal that was let in.
    pub(crate) fn last_signal(&self) -> SignalId {
        self.lock().last_signal
    }

    /// How many signals readers have taken so far.
    pub(crate) fn reads(&self) -> u64 {
        self.lock().reads
    }

    /// Drops the signals that are kept for those who come later.
    pub(crate) fn forget_kept(&self) {
        let kept = self.lock().kept.clear();
        kept.into_iter().for_each(discard);
    }

    /// The counts, taken at one moment.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut state = self.lock();
        state.update_all();
        let stores = state.stores.iter();
        Ledger {
            tallies: stores
                .map(|(queue, store)| (queue, store.tally(), store.waiting() as u64))
                .collect(),
            publishing: state.publishing(),
            departed: state.stores.departed,
            over_capacity: state.over_capacity,
            routed: state.routed,
        }
    }

    /// How many signals wait in a queue, not counting those in handlers.
    pub(crate) fn waiting(&self, queue: QueueId) -> usize {
        let mut state = self.lock();
        state.update(queue);
        state.stores.get(queue).map_or(0, Store::waiting)
    }

    /// The publishers that wait for room.
    pub(crate) fn publishing(&self) -> Vec<Publishing> {
        let mut state = self.lock();
        state.update_all();
        state.publishing()
    }

    /// How many signals may be outstanding in a queue.
    pub(crate) fn capacity(&self, queue: QueueId) -> Option<usize> {
        let state = self.lock();
        state.stores.get(queue).map(Store::capacity)
    }

    /// Queues that have signals in handlers, or waiting for a reader.
    pub(crate) fn busy(&self) -> Vec<QueueId> {
        let mut state = self.lock();
        state.update_all();
        let busy = state
            .stores
            .iter()
            .filter(|(_, store)| store.is_called() || store.has_unread());
        busy.map(|(queue, _)| queue).collect()
    }

    #[inline]
    fn lock(&self) -> Locked<'_, State> {
        self.state.lock()
    }

    #[inline]
    fn lock_late(&self) -> Locked<'_, State> {
        self.state.lock_late()
    }

    /// Releases the lock, and wakes whom that concerns.
    #[inline]
    fn after(&self, state: Locked<'_, State>, mut wakes: Wakes) {
        drop(state);
        if wakes.is_any() {
            self.tell(&mut wakes);
        }
    }

    /// Wakes whom a step concerns that is over; what is dropped goes first, so that whoever hears of quiet finds it gone.
    fn tell(&self, wakes: &mut Wakes) {
        wakes.drop_segments();
        if wakes.quiet {
            self.tell_of_quiet();
        }
        if wakes.end {
            drop(caught(|| self.end.notify_waiters()));
        }
        wakes.wake();
    }

    /// Tells those who wait until all is settled, who are the user's, and may panic when they are woken.
    #[cold]
    fn tell_of_quiet(&self) {
        drop(caught(|| self.quiet.notify_waiters()));
    }
}

impl State {
    fn set_phase(&mut self, phase: Phase, exchange: &Exchange) {
        self.phase = phase;
        self.changes += 1;
        exchange.phase.store(phase as u8, Ordering::Release);
    }

    /// Counts down. A drain that reaches zero is over at once.
    fn less(&mut self, working: usize, held: usize, exchange: &Exchange, wakes: &mut Wakes) {
        self.working -= working;
        self.held -= held;
        if self.working != 0 {
            return;
        }
        if 0 < working {
            self.quiet_count += 1;
            wakes.quiet = std::mem::take(&mut self.quiet_awaited);
        }
        if self.held == 0 && self.phase == Phase::Draining {
            self.set_phase(Phase::Closed, exchange);
            wakes.end = true;
            for store in self.stores.iter_mut() {
                store.wake_all(wakes);
            }
            for line in self.lines.values_mut() {
                line.wake_all(wakes);
            }
        }
    }

    /// Tells the lines that wait for `queue` that it has room.
    fn freed(&mut self, queue: QueueId, wakes: &mut Wakes) {
        if self.lines.is_empty() {
            return;
        }
        let Some(store) = self.stores.get_mut(queue) else {
            return;
        };
        let (log, is_full) = (store.log(), store.is_full());
        for line in store.take_lines() {
            if let Some(line) = self.lines.get_mut(&line) {
                line.freed(wakes);
            }
        }
        log.into_iter().for_each(|log| self.freed_in(log, wakes));
        if is_full {
            self.look_again_from(queue, wakes);
        }
    }

    /// Tells the lines that wait for a log that it has room.
    fn freed_in(&mut self, log: LogId, wakes: &mut Wakes) {
        if self.lines.is_empty() {
            return;
        }
        let (lines, moved) = self.logs[log.index()].take_lines();
        for line in lines {
            if let Some(line) = self.lines.get_mut(&line) {
                line.freed(wakes);
            }
        }
        if moved {
            self.look_again_in(log, wakes);
        }
    }

    /// Takes a queue out that has nothing any more and gets nothing any more.
    fn remove_if_over(&mut self, queue: QueueId) {
        if self.stores.get(queue).is_some_and(Store::is_over) {
            self.stores.remove(queue);
        }
    }
}
