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

pub(crate) mod admission;
pub(crate) mod ledger;
pub(crate) mod line;
pub(crate) mod store;
pub(crate) mod stuck;
pub(crate) mod wakes;

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use tokio::sync::Notify;

use crate::{
    queue::{
        ledger::Ledger,
        line::{Line, LineId},
        store::{Entry, Store},
        stuck::Blocked,
        wakes::Wakes,
    },
    signal::{Signal, SignalId},
};

/// Identifies a queue of an exchange: its index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct QueueId(pub(crate) usize);

/// How a queue behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Signals outstanding at most, counting those in handlers.
    pub(crate) capacity: NonZeroUsize,
    /// Signals in handlers at most; `None`: as many as there are.
    pub(crate) concurrency: Option<NonZeroUsize>,
    /// Signals of one key are handled one after the other.
    pub(crate) keyed: bool,
    /// At the limit the oldest signal goes, instead of the publisher waiting.
    pub(crate) drops_oldest: bool,
}

/// A queue that a signal is meant for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    pub(crate) queue: QueueId,
    /// Hash of the signal's key; unused where the queue is not keyed.
    pub(crate) key: u64,
}

/// What something is published from, where that is a part of the bus itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Inside {
    /// A handler, while it handles a signal.
    Handler(QueueId, SignalId),
    /// A run of a periodic function.
    Run,
    /// A provider, before there are workers.
    Start,
    /// A task that a handler or a run has spawned into the scope.
    Spawned(Option<SignalId>),
}

impl Inside {
    /// The queue and the signal of a handler.
    pub(crate) fn handling(self) -> Option<(QueueId, SignalId)> {
        match self {
            Self::Handler(queue, signal) => Some((queue, signal)),
            Self::Run | Self::Start | Self::Spawned(_) => None,
        }
    }

    /// The signal that led to this.
    pub(crate) fn parent(self) -> Option<SignalId> {
        match self {
            Self::Handler(_, signal) => Some(signal),
            Self::Run | Self::Start => None,
            Self::Spawned(parent) => parent,
        }
    }
}

/// A signal that asks to be let in.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The number of its topic: publishers of one topic stand in one line.
    pub(crate) line: usize,
    pub(crate) signal: Signal,
    pub(crate) targets: Arc<[Target]>,
    pub(crate) inside: Option<Inside>,
    /// Whether the publisher wants a share of the signal as it was let in.
    pub(crate) recorded: bool,
    /// Whether it counts as published; what the bus itself announces does not.
    pub(crate) counted: bool,
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
}

/// All queues of a running bus.
#[derive(Debug)]
pub(crate) struct Exchange {
    state: Mutex<State>,
    /// A copy of the state's phase that can be read without the lock.
    phase: AtomicU8,
    /// Tells of each moment at which nothing is outstanding.
    quiet: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Signals queued or in handlers, and periodic runs begun or still owed.
    outstanding: usize,
    /// How often `outstanding` has come down to zero.
    quiet_count: u64,
    stores: Vec<Store>,
    lines: HashMap<LineId, Line>,
    /// Handlers that wait in a line.
    blocked: Vec<Blocked>,
    last_signal: SignalId,
    last_ticket: u64,
    over_capacity: u64,
    /// Signals that were let in, and had a queue to go to.
    routed: u64,
}

impl Exchange {
    /// Opens the queues; `runs_owed` periodic functions will run once whatever happens.
    pub(crate) fn new(settings: impl IntoIterator<Item = Settings>, runs_owed: usize) -> Self {
        Self {
            state: Mutex::new(State {
                phase: Phase::Running,
                outstanding: runs_owed,
                quiet_count: 0,
                stores: settings.into_iter().map(Store::new).collect(),
                lines: HashMap::new(),
                blocked: Vec::new(),
                last_signal: SignalId::UNSET,
                last_ticket: 0,
                over_capacity: 0,
                routed: 0,
            }),
            phase: AtomicU8::new(Phase::Running as u8),
            quiet: Notify::new(),
        }
    }

    /// Whether a publish from `inside` may still get in; without the lock, so only until it does not matter.
    pub(crate) fn is_open_to(&self, inside: Option<Inside>) -> bool {
        let phase = self.phase.load(Ordering::Acquire);
        phase == Phase::Running as u8 || phase == Phase::Draining as u8 && inside.is_some()
    }

    /// Takes the next signal of a queue; `None` when the exchange is closed.
    pub(crate) async fn take(&self, queue: QueueId) -> Option<Entry> {
        std::future::poll_fn(|context| self.poll_take(queue, context)).await
    }

    fn poll_take(&self, queue: QueueId, context: &mut Context<'_>) -> Poll<Option<Entry>> {
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return Poll::Ready(None);
        }
        let store = &mut state.stores[queue.0];
        match store.take() {
            Some(entry) => Poll::Ready(Some(entry)),
            None => {
                store.park(context.waker());
                Poll::Pending
            }
        }
    }

    /// Settles a signal that was taken, and makes room for the next.
    pub(crate) fn finish(&self, queue: QueueId, key: u64, ending: Ending) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        // After `abandon` the signal has been counted already.
        if state.phase == Phase::Closed {
            return;
        }
        state.stores[queue.0].finish(key, ending, &mut wakes);
        state.freed(queue, &mut wakes);
        let quiet = state.less(1, self, &mut wakes);
        drop(state);
        self.after(quiet, wakes);
    }

    /// Begins a periodic run, if the gate is open.
    pub(crate) fn begin_run(&self) -> bool {
        let mut state = self.lock();
        let open = state.phase == Phase::Running;
        if open {
            state.outstanding += 1;
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
        let quiet = state.less(1, self, &mut wakes);
        drop(state);
        self.after(quiet, wakes);
    }

    /// Refuses from now on what does not come from inside a handler or a periodic run.
    pub(crate) fn close_gate(&self) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if state.phase != Phase::Running {
            return;
        }
        state.set_phase(Phase::Draining, self);
        for line in state.lines.values_mut() {
            line.wake_all(&mut wakes);
        }
        let quiet = state.less(0, self, &mut wakes);
        drop(state);
        self.after(quiet, wakes);
    }

    /// Gives up on all that is outstanding; it is counted, and dropped outside of the lock.
    pub(crate) fn abandon(&self) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return;
        }
        state.set_phase(Phase::Closed, self);
        state.outstanding = 0;
        state.quiet_count += 1;
        let left: Vec<_> = state
            .stores
            .iter_mut()
            .map(|store| store.abandon(&mut wakes))
            .collect();
        for line in state.lines.values_mut() {
            line.wake_all(&mut wakes);
        }
        drop(state);
        self.after(true, wakes);
        left.into_iter().flatten().for_each(Entry::discard);
    }

    /// Waits for a moment at which nothing is outstanding.
    pub(crate) async fn quiet(&self) {
        let begun = {
            let state = self.lock();
            if state.outstanding == 0 {
                return;
            }
            state.quiet_count
        };
        loop {
            let notified = self.quiet.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.lock().quiet_count != begun {
                return;
            }
            notified.await;
        }
    }

    /// The counts, taken at one moment.
    pub(crate) fn ledger(&self) -> Ledger {
        let state = self.lock();
        Ledger {
            tallies: state.stores.iter().map(Store::tally).collect(),
            over_capacity: state.over_capacity,
            routed: state.routed,
        }
    }

    /// Queues that have signals in handlers.
    pub(crate) fn busy(&self) -> Vec<QueueId> {
        let state = self.lock();
        let busy = state
            .stores
            .iter()
            .enumerate()
            .filter(|(_, store)| store.is_busy());
        busy.map(|(index, _)| QueueId(index)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn after(&self, quiet: bool, wakes: Wakes) {
        if quiet {
            self.quiet.notify_waiters();
        }
        wakes.wake();
    }
}

impl State {
    fn set_phase(&mut self, phase: Phase, exchange: &Exchange) {
        self.phase = phase;
        exchange.phase.store(phase as u8, Ordering::Release);
    }

    /// Counts down; whether nothing is outstanding any more. A drain that reaches zero is over at once.
    fn less(&mut self, by: usize, exchange: &Exchange, wakes: &mut Wakes) -> bool {
        self.outstanding -= by;
        if self.outstanding != 0 {
            return false;
        }
        self.quiet_count += 1;
        if self.phase == Phase::Draining {
            self.set_phase(Phase::Closed, exchange);
            for store in &mut self.stores {
                store.wake_all(wakes);
            }
            for line in self.lines.values_mut() {
                line.wake_all(wakes);
            }
        }
        true
    }

    /// Tells the lines that wait for `queue` that it has room.
    fn freed(&mut self, queue: QueueId, wakes: &mut Wakes) {
        for line in self.stores[queue.0].take_lines() {
            if let Some(line) = self.lines.get_mut(&line) {
                line.freed(wakes);
            }
        }
    }
}
