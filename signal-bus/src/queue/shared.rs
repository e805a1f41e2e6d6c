//! Queues that have a part in a log, and what that changes for them.

use std::sync::Arc;

use crate::{
    queue::{
        Exchange, State,
        entry::{Entry, Ticket},
        line::LineId,
        log::{Log, LogId},
        offer::Target,
        store::Store,
        stores::QueueId,
        wakes::Wakes,
    },
    signal::{
        label::{About, Label, Stamp},
        values::Put,
    },
};

impl Exchange {
    /// Lets several queues, which get the same signals and have the same settings, have them in a log together.
    pub(crate) fn share(&self, queues: &[QueueId]) -> Option<LogId> {
        let mut state = self.lock();
        let State { stores, logs, .. } = &mut *state;
        let settings = stores.get(*queues.first()?)?.settings;
        let id = LogId::of(logs.len())?;
        let mut log = Log::new(settings.capacity.get(), settings.run_max());
        for queue in queues {
            if let Some(store) = stores.get_mut(*queue) {
                store.reading = Some(Box::new(log.join(id, *queue)));
            }
        }
        logs.push(log);
        Some(id)
    }

    /// The log that a queue has a part in.
    pub(crate) fn log_of(&self, queue: QueueId) -> Option<LogId> {
        self.lock().stores.get(queue)?.log()
    }
}

impl State {
    /// Whether a publisher has to wait for room in a queue, or in the log that it has a part in.
    pub(super) fn is_full(&self, target: Target) -> bool {
        self.lacks_room(target, 0)
    }

    /// As [`is_full`](Self::is_full), once there were `more`.
    pub(super) fn lacks_room(&self, target: Target, more: usize) -> bool {
        let Some(store) = self.stores.get(target.queue) else {
            return false;
        };
        match store.log() {
            Some(log) if !target.alone => {
                let log = &self.logs[log.index()];
                let mut beside = log.beside().iter().filter_map(|one| self.stores.get(*one));
                log.lacks_room(more) || beside.any(|store| store.lacks_room(more))
            }
            _ => store.lacks_room(more),
        }
    }

    /// Puts a signal into a log; returns for how many subscriptions that is.
    pub(super) fn push_shared(&mut self, log: LogId, entry: Entry, wakes: &mut Wakes) -> usize {
        let Entry { signal, ticket, .. } = entry;
        let (value, Label { about, mut stamp }) = signal.into_parts();
        self.logs[log.index()].came_at(stamp.time);
        let (readers, idle) = self.put_in(log, &mut Some(value), &mut stamp, &about, ticket);
        if idle {
            self.wake_idle(log, wakes);
        }
        readers
    }

    /// Puts a signal into a log; for how many subscriptions that is, and whether some are to be woken.
    #[inline]
    pub(super) fn put_in(
        &mut self,
        log: LogId,
        value: &mut dyn Put,
        stamp: &mut Stamp,
        about: &Arc<About>,
        ticket: Option<Ticket>,
    ) -> (usize, bool) {
        let log = &mut self.logs[log.index()];
        log.put(value, stamp, about, ticket);
        let readers = log.readers().len();
        self.working += readers;
        (readers, !log.idle.is_empty())
    }

    /// Wakes those who wait for something to be put into a log.
    pub(super) fn wake_idle(&mut self, log: LogId, wakes: &mut Wakes) {
        let Self { stores, logs, .. } = self;
        let log = &mut logs[log.index()];
        let driver = log.idle.take_driver();
        driver.into_iter().for_each(|one| wakes.add(one));
        let idle = log.idle.take();
        wakes.expect(idle.len());
        for queue in &idle {
            if let Some(store) = stores.get_mut(*queue) {
                store.wake_reader(wakes);
            }
        }
        log.idle.reuse(idle);
    }

    /// Remembers the line of a publisher that waits for room in a queue, or in the log that it has a part in.
    pub(super) fn add_line(&mut self, target: Target, line: LineId) {
        match self.log_of(target.queue) {
            Some(log) if !target.alone => log.add_line(line),
            _ => {
                if let Some(store) = self.stores.get_mut(target.queue) {
                    store.add_line(line);
                }
            }
        }
    }

    pub(super) fn log_of(&mut self, queue: QueueId) -> Option<&mut Log> {
        let log = self.stores.get(queue)?.log()?;
        self.logs.get_mut(log.index())
    }

    /// Forgets that a line waits for a queue.
    pub(super) fn remove_line(&mut self, queue: QueueId, line: LineId) {
        if let Some(log) = self.log_of(queue) {
            log.remove_line(line);
        }
        if let Some(store) = self.stores.get_mut(queue) {
            store.remove_line(line);
        }
    }
}

impl Store {
    /// The log that it has a part in.
    pub(super) fn log(&self) -> Option<LogId> {
        self.reading.as_ref().map(|reading| reading.log)
    }

    /// Notes that its worker has found nothing.
    pub(super) fn idle(&mut self, queue: QueueId, logs: &mut [Log]) {
        if let Some(reading) = &mut self.reading {
            logs[reading.log.index()].idle(reading, queue);
        }
    }

    fn wake_reader(&mut self, wakes: &mut Wakes) {
        if let Some(reading) = &mut self.reading {
            reading.wakes();
        }
        // Who goes with others is woken with them, and stays parked for what concerns it alone.
        if !self.is_together() {
            self.parked.wake_one(wakes);
        }
    }

    /// Gives a signal that is for it alone its place among those of its log.
    pub(super) fn go_beside(&mut self, queue: QueueId, logs: &mut [Log]) {
        if let Some(reading) = &mut self.reading {
            logs[reading.log.index()].go_beside(reading, queue);
        }
    }

    /// Takes no further part in its log.
    pub(super) fn close_shared(&mut self, queue: QueueId, logs: &mut [Log]) {
        if let Some(reading) = &mut self.reading {
            logs[reading.log.index()].close(reading, queue);
        }
    }

    /// Gives up on what waits in its log; returns how many signals that are.
    pub(super) fn abandon_shared(&mut self, logs: &mut [Log], wakes: &mut Wakes) -> usize {
        let Some(reading) = &mut self.reading else {
            return 0;
        };
        let forgotten = logs[reading.log.index()].forget(reading, wakes);
        self.counts.abandoned += forgotten as u64;
        forgotten
    }
}
