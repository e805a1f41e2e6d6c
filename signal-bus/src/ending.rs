//! How a bus ends: the request to close, and the report for everybody who waits.

use std::{
    sync::{Arc, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    caller::Caller,
    latch::Latch,
    process::ProcessSignal,
    report::CloseReport,
    site::Site,
    sync::{Condvar, Mutex, Notify},
};

/// Passes the request to close in, and the report out.
#[derive(Default, Debug)]
pub(crate) struct Ending {
    request: Latch,
    /// Who has asked first.
    asked_by: OnceLock<Caller>,
    /// Whose panics have asked, if they have.
    closed_by: OnceLock<Site>,
    /// When the drain gives up on what is left.
    deadline: OnceLock<Instant>,
    drains: Latch,
    /// Whether somebody keeps the deadline besides the drain.
    kept: Latch,
    /// Whether somebody ends the bus: what it holds goes once, in its order.
    ends: Latch,
    /// The signals of the operating system that have asked.
    signals: Mutex<Vec<ProcessSignal>>,
    aborts: Latch,
    report: Mutex<Option<Arc<CloseReport>>>,
    ended: Condvar,
    ended_async: Notify,
}

impl Ending {
    /// Asks for the close; once is enough.
    pub(crate) fn request(&self) {
        self.asked_by.get_or_init(Caller::here);
        self.request.open();
    }

    /// Asks for the close because of somebody's panics; `false` if somebody has asked before.
    pub(crate) fn request_because_of(&self, site: Site) -> bool {
        if self.is_requested() {
            return false;
        }
        self.closed_by.get_or_init(|| site);
        self.request();
        true
    }

    /// Whose panics have asked for the close.
    pub(crate) fn closed_by(&self) -> Option<Site> {
        self.closed_by.get().copied()
    }

    /// Who has asked for the close; it cannot read what it waits for.
    pub(crate) fn asked_by(&self) -> Option<Caller> {
        self.asked_by.get().copied()
    }

    /// Waits until somebody asks for the close.
    pub(crate) async fn requested(&self) {
        self.request.wait().await;
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.request.is_open()
    }

    /// Hears a signal of the operating system: the first asks for the close, the second for its end.
    pub(crate) fn hear(&self, signal: ProcessSignal) {
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        signals.push(signal);
        let first = signals.len() == 1;
        drop(signals);
        if first {
            self.request();
        } else {
            self.aborts.open();
        }
    }

    pub(crate) fn signals(&self) -> Vec<ProcessSignal> {
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        signals.clone()
    }

    /// Waits until the close is not to wait any more.
    pub(crate) async fn aborted(&self) {
        self.aborts.wait().await;
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.aborts.is_open()
    }

    /// Begins the drain, which gives up at `deadline`.
    pub(crate) fn drains_until(&self, deadline: Instant) {
        self.deadline.get_or_init(|| deadline);
        self.drains.open();
    }

    /// Says that somebody keeps the deadline besides the drain; whether nobody did before.
    pub(crate) fn begins_to_keep(&self) -> bool {
        self.kept.opens()
    }

    /// Says that somebody ends the bus; whether nobody did before.
    pub(crate) fn begins_to_end(&self) -> bool {
        self.ends.opens()
    }

    /// Waits until it is certain that the bus will have ended at `time`; for ever, if it will not.
    pub(crate) async fn certain_by(&self, time: Instant) {
        self.drains.wait().await;
        let certain = self.deadline.get().is_some_and(|deadline| *deadline < time);
        if !certain {
            std::future::pending::<()>().await;
        }
    }

    /// The report, if the bus has ended.
    pub(crate) fn report(&self) -> Option<Arc<CloseReport>> {
        self.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Hands the report to everybody; the first report stays.
    pub(crate) fn end(&self, report: CloseReport) {
        self.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| Arc::new(report));
        self.ended.notify_all();
        self.ended_async.notify_waiters();
    }

    /// Waits for the report.
    pub(crate) async fn ended(&self) -> Arc<CloseReport> {
        loop {
            let ended = self.ended_async.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if let Some(report) = self.report() {
                return report;
            }
            ended.await;
        }
    }

    /// Blocks the thread until there is a report, or `limit` has passed.
    pub(crate) fn wait(&self, limit: Duration) {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .ended
            .wait_timeout_while(report, limit, |report| report.is_none());
        drop(waited);
    }
}
