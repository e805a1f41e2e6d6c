//! How an exchange comes to its end, and to moments of rest before that.

use crate::{
    caller::Caller,
    queue::{Exchange, Phase, State, entry::Entry, log::Log, stores::QueueId, wakes::Wakes},
    sync::Notify,
};

impl Exchange {
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
        // A batch that is not full goes now.
        for store in state.stores.iter_mut().filter(|store| store.is_batched()) {
            store.wake_all(&mut wakes);
        }
        state.less(0, 0, self, &mut wakes);
        self.after(state, wakes);
    }

    /// Whether nothing is queued, running, or waiting to be read.
    pub(crate) fn is_at_rest(&self) -> bool {
        let state = self.lock();
        state.working == 0 && state.held == 0
    }

    /// Gives up on all that is outstanding; it is counted, and dropped outside of the lock.
    pub(crate) fn abandon(&self) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return;
        }
        state.set_phase(Phase::Closed, self);
        state.working = 0;
        state.held = 0;
        state.quiet_count += 1;
        (wakes.quiet, wakes.end) = (true, true);
        let State { stores, logs, .. } = &mut *state;
        let stores = stores.iter_mut();
        let left: Vec<_> = stores
            .map(|store| {
                store.leave_cohort(logs);
                store.abandon(logs, &mut wakes)
            })
            .collect();
        logs.iter_mut().for_each(|log| log.abandon(&mut wakes));
        for line in state.lines.values_mut() {
            line.wake_all(&mut wakes);
        }
        self.after(state, wakes);
        left.into_iter().flatten().for_each(Entry::discard);
    }

    /// Closes, if all that is left are signals that nobody can be expected to read while `caller` waits for the close; they
    /// can be read until their subscriptions go. Returns their queues.
    pub(crate) fn leave_to_readers(&self, caller: Option<Caller>) -> Option<Vec<QueueId>> {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        let unread = state.stores.iter().filter(|(_, store)| store.has_unread());
        let unread: Vec<_> = unread.collect();
        let expects = unread.iter().any(|(_, store)| !store.is_unread_in(caller));
        if state.phase != Phase::Draining || state.working != 0 || expects {
            return None;
        }
        let unread = unread.into_iter().map(|(queue, _)| queue).collect();
        state.held = 0;
        state.less(0, 0, self, &mut wakes);
        self.after(state, wakes);
        Some(unread)
    }

    /// Waits for a moment at which no handler has anything to do.
    pub(crate) async fn quiet(&self) {
        let begun = {
            let state = self.lock();
            if state.working == 0 {
                return;
            }
            state.quiet_count
        };
        let reached = |state: &mut State| {
            let waits = state.quiet_count == begun;
            state.quiet_awaited |= waits;
            !waits
        };
        self.until(&self.quiet, reached).await;
    }

    /// Waits for the end, once the gate is closed: until nothing is outstanding.
    pub(crate) async fn drained(&self) {
        self.until(&self.end, |state| state.phase == Phase::Closed)
            .await;
    }

    async fn until(&self, news: &Notify, reached: impl Fn(&mut State) -> bool) {
        loop {
            let notified = news.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if reached(&mut self.lock()) {
                return;
            }
            notified.await;
        }
    }
}

impl Log {
    /// Lets go of the signals that nobody gets any more: whoever waits to hear of them does so then.
    fn abandon(&mut self, wakes: &mut Wakes) {
        self.seal(None);
        for sealed in &mut self.sealed {
            let segment = sealed.segment.take();
            segment.into_iter().for_each(|one| wakes.drop_segment(one));
        }
    }
}
