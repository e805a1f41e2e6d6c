//! Queues that come and go while the others run.

use std::num::NonZeroUsize;

use crate::{
    guarded::discard,
    queue::{
        Exchange, Phase, Settings, State, entry::Entry, kept::Since, parked::WorkerId,
        store::Store, stores::QueueId, wakes::Wakes,
    },
    signal::{Signal, arrival::Ended},
};

/// What is let into a new queue of what was before it.
pub(crate) struct Replay<'a> {
    pub(crate) since: Since,
    /// Which of the kept signals the queue is for. It is asked under the lock, so it must not ask anybody else.
    pub(crate) wants: &'a dyn Fn(&Signal) -> bool,
}

/// Why a queue could not join.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotJoined {
    Closed,
    /// The history begins with this number only.
    Forgotten(u64),
}

/// How a queue goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leave {
    /// What waits is handled first.
    Drain,
    /// What waits is dropped, and counted.
    Abandon,
}

/// What somebody who has left leaves behind.
#[derive(Default, Debug)]
#[must_use = "what is dropped, and who is woken, may call the bus: without a lock"]
pub(crate) struct Left {
    /// Whether others of its group are there, who will handle what waits.
    pub(crate) others: bool,
    /// Whether it was one of those that reply to requests.
    replies: bool,
    dropped: Vec<Entry>,
    wakes: Wakes,
}

impl Left {
    /// Wakes whom it concerns, and drops what nobody will handle.
    pub(crate) fn discard(mut self, exchange: &Exchange) {
        exchange.tell(&mut self.wakes);
        for entry in self.dropped {
            let carried = entry.signal.label().stamp.carried();
            // A group has other members elsewhere; of what is for everybody, nobody else has to have it for that.
            let shared = carried.is_some_and(|carried| carried.group.is_some());
            let how = if shared {
                Ended::Returned
            } else {
                Ended::Dropped
            };
            entry.ended(self.replies, how);
            entry.discard();
        }
    }
}

impl Exchange {
    /// Opens a queue, which gets every signal that is let in from now on and is meant for it.
    ///
    /// Offers that were routed before `generation` do not know of it, and are stale from now on.
    pub(crate) fn join(
        &self,
        mut settings: Settings,
        generation: u64,
        replay: &Replay<'_>,
    ) -> Result<QueueId, NotJoined> {
        let mut state = self.lock();
        if state.phase != Phase::Running {
            return Err(NotJoined::Closed);
        }
        let kept = state.kept.since(replay.since, replay.wants);
        let kept = kept.map_err(NotJoined::Forgotten)?;
        // Whoever asks for what was before has room for it.
        let room = NonZeroUsize::new(kept.len()).unwrap_or(NonZeroUsize::MIN);
        settings.capacity = settings.capacity.max(room);
        state.generation = generation;
        let mut store = Store::new(settings);
        let mut wakes = Wakes::default();
        for signal in kept {
            let entry = Entry {
                signal,
                key: 0,
                since: None,
                ticket: None,
            };
            // There is room for all, and nobody to wake yet.
            store.push(entry, &mut wakes);
            state.more(settings.pulled);
        }
        Ok(state.stores.insert(store))
    }

    /// Makes all offers stale that were routed before `generation`.
    pub(crate) fn renew(&self, generation: u64) {
        self.lock().generation = generation;
    }

    /// Whether its handler has one signal at a time, and nobody else takes from it.
    pub(crate) fn is_serial(&self, queue: QueueId) -> bool {
        self.lock()
            .stores
            .get_mut(queue)
            .is_some_and(|store| store.is_serial())
    }

    /// Takes a further member of a group in; whether the group is there to be joined.
    pub(crate) fn join_group(&self, queue: QueueId, limit: Option<NonZeroUsize>) -> bool {
        let mut state = self.lock();
        let open = state.phase == Phase::Running;
        let store = state.stores.get_mut(queue);
        match store.filter(|store| open && store.is_open()) {
            Some(store) => {
                store.add_member(limit);
                true
            }
            None => false,
        }
    }

    /// Lets the only member, or one of a group, go. Nobody is woken before what is left is discarded.
    pub(crate) fn leave(
        &self,
        queue: QueueId,
        worker: WorkerId,
        limit: Option<NonZeroUsize>,
        how: Leave,
    ) -> Left {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        let closed = state.phase == Phase::Closed;
        let Some(store) = state.stores.get_mut(queue) else {
            return Left::default();
        };
        let replies = store.replies();
        if store.remove_member(worker, limit, &mut wakes) {
            // There is one fewer to end a wait: what could move before may be a circle now.
            state.look_again(&mut wakes);
            return Left {
                others: true,
                replies,
                dropped: Vec::new(),
                wakes,
            };
        }
        if closed {
            // What the close has left to its reader, who goes now.
            let left = store.abandon_waiting();
            return Left {
                others: false,
                replies,
                dropped: left.into(),
                wakes,
            };
        }
        let dropped = state.close_queue(queue, how, &mut wakes, self);
        Left {
            others: false,
            replies,
            dropped,
            wakes,
        }
    }

    /// Gives up what still waits in a queue that was closed and is to be handled to its end; `None` if it was not closed, or others of
    /// its group handle that, because the one who asks is not the `last`.
    pub(crate) fn give_up(&self, queue: QueueId, last: impl FnOnce() -> bool) -> Option<Left> {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return None;
        }
        let store = state.stores.get_mut(queue)?;
        // A member is told to leave before it is counted out.
        if store.is_open() || store.crew.has_several() || !last() {
            return None;
        }
        let replies = store.replies();
        let dropped = state.close_queue(queue, Leave::Abandon, &mut wakes, self);
        Some(Left {
            others: false,
            replies,
            dropped,
            wakes,
        })
    }

    /// Lets no further signal into a queue; what waits is handled.
    pub(crate) fn close_entrance(&self, queue: QueueId) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return;
        }
        discard(state.close_queue(queue, Leave::Drain, &mut wakes, self));
        self.after(state, wakes);
    }
}

impl State {
    /// Counts a signal that has got into a queue.
    pub(super) fn more(&mut self, pulled: bool) {
        match pulled {
            true => self.held += 1,
            false => self.working += 1,
        }
    }

    /// Closes a queue; what is to be dropped is returned.
    fn close_queue(
        &mut self,
        queue: QueueId,
        how: Leave,
        wakes: &mut Wakes,
        exchange: &Exchange,
    ) -> Vec<Entry> {
        let Some(store) = self.stores.get_mut(queue) else {
            return Vec::new();
        };
        store.leave_cohort(&mut self.logs);
        store.close(wakes);
        store.close_shared(queue, &mut self.logs);
        let pulled = store.is_pulled();
        let (dropped, shared): (Vec<_>, _) = match how {
            Leave::Drain => (Vec::new(), 0),
            Leave::Abandon => (
                store.abandon_waiting().into(),
                store.abandon_shared(&mut self.logs, wakes),
            ),
        };
        // Publishers that wait for room here need not wait any more.
        self.freed(queue, wakes);
        self.remove_if_over(queue);
        let (working, held) = match pulled {
            true => (0, dropped.len()),
            false => (dropped.len() + shared, 0),
        };
        self.less(working, held, exchange, wakes);
        dropped
    }
}

impl Store {
    /// Takes a further member of a group in.
    pub(crate) fn add_member(&mut self, limit: Option<NonZeroUsize>) {
        self.crew.join(limit);
    }

    /// Lets a member go; whether others are left. They are told of what waits: it may have been woken for it.
    pub(crate) fn remove_member(
        &mut self,
        worker: WorkerId,
        limit: Option<NonZeroUsize>,
        wakes: &mut Wakes,
    ) -> bool {
        let gone = self.crew.leave(worker, limit);
        if gone {
            self.wake_all(wakes);
        }
        gone
    }

    /// Forgets a worker that does not come back, and wakes another in its place.
    pub(crate) fn part_with(&mut self, worker: WorkerId, wakes: &mut Wakes) {
        wakes.drop_waker(self.parked.unpark(worker));
        self.wake_for_next(wakes);
    }

    /// Takes no further signal in.
    pub(crate) fn close(&mut self, wakes: &mut Wakes) {
        self.open = false;
        self.wake_all(wakes);
    }
}
