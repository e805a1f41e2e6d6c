//! How far a subscription has read in a log.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::queue::{
    cohort::Together,
    log::{Log, LogId},
};

/// How far a subscription has read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(super) log: LogId,
    /// As the log's.
    end: Arc<AtomicU64>,
    /// How many signals were put in when it came.
    since: u64,
    /// How many were put in when it was closed.
    pub(super) until: Option<u64>,
    /// How many were put in before what it takes next.
    pub(super) at: u64,
    /// The number of the segment it takes next.
    pub(super) next: u64,
    /// The number of the segment that it is not done with.
    pub(super) held: Option<u64>,
    /// How many signals it has taken out of the log, and is not done with.
    pub(super) alone: usize,
    /// Whether it is among the idle.
    pub(super) idle: bool,
    /// How many were put in before each of the signals that it has of its own.
    pub(super) own: VecDeque<u64>,
    /// Whether it is known to have signals of its own.
    pub(super) beside: bool,
    /// Whether others have the same read, so that all is noted once.
    pub(super) together: Option<Together>,
}

impl Reading {
    /// Begins at the end, which is the segment of this number.
    pub(super) fn new(log: LogId, end: Arc<AtomicU64>, next: u64) -> Self {
        let since = end.load(Ordering::Relaxed);
        Self {
            log,
            end,
            since,
            until: None,
            at: since,
            next,
            held: None,
            alone: 0,
            idle: false,
            own: VecDeque::new(),
            beside: false,
            together: None,
        }
    }

    /// How many signals it has not taken.
    pub(super) fn waiting(&self) -> usize {
        usize::try_from(self.end() - self.at).unwrap_or(usize::MAX)
    }

    /// How many signals it was to get.
    pub(super) fn accepted(&self) -> u64 {
        self.end() - self.since
    }

    pub(super) fn end(&self) -> u64 {
        // Written under the lock, and read under it.
        self.until
            .unwrap_or_else(|| self.end.load(Ordering::Relaxed))
    }

    /// Whether it is among those for whom the oldest segment is kept, or the room for what it has taken out.
    pub(super) fn holds_up(&self, log: &Log) -> bool {
        0 < self.alone || self.held.unwrap_or(self.next) == log.first()
    }

    /// Notes that it was woken.
    pub(super) fn wakes(&mut self) {
        self.idle = false;
    }

    /// Whether a signal of its own is what it takes next.
    pub(super) fn is_own_next(&self) -> bool {
        self.own.front().is_some_and(|before| *before <= self.at)
    }

    /// Notes that it takes a signal of its own.
    pub(super) fn take_own(&mut self) {
        self.own.pop_front();
    }
}
