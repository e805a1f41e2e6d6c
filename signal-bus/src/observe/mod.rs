//! What a bus notices: its counts, its failures, and whoever wants to hear of them.

pub(crate) mod keep;
pub(crate) mod letters;
mod histogram;
pub(crate) mod meter;
mod spread;

use std::{
    cell::Cell,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    error::Failure,
    guarded::caught,
    observe::{keep::Letters, spread::Spread},
    report::FailureReport,
    signal::{Signal, id::SignalId, label::Label},
    site::Site,
};

/// How many failures a report keeps in words.
const FAILURES_KEPT_MAX: usize = 64;

/// Where a failure happened: the function, and the signal it handled or published.
///
/// Displayed as `shop::store (src/main.rs:14) on `orders` #12`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct At {
    /// The function.
    pub site: Site,
    /// The signal's topic, if there was a signal.
    pub topic: Option<Arc<str>>,
    /// The signal's id, if it had got one.
    pub signal: Option<SignalId>,
}

impl At {
    pub(crate) fn site(site: Site) -> Self {
        Self {
            site,
            topic: None,
            signal: None,
        }
    }

    pub(crate) fn topic(site: Site, topic: &str) -> Self {
        Self {
            topic: Some(topic.into()),
            ..Self::site(site)
        }
    }

    pub(crate) fn handling(site: Site, label: &Label) -> Self {
        Self {
            topic: Some((&*label.about.topic).into()),
            signal: Some(label.stamp.id),
            site,
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.site)?;
        if let Some(topic) = &self.topic {
            write!(f, " on `{topic}`")?;
        }
        if let Some(signal) = self.signal {
            write!(f, " {signal}")?;
        }
        Ok(())
    }
}

/// Hears of every failure.
pub(crate) type OnError = Arc<dyn Fn(&At, &Failure) + Send + Sync>;

/// Hears of everything; the testing kit is one.
pub(crate) trait Recorder: Send + Sync {
    fn published(&self, signal: &Signal);
    fn handled(&self, site: Site, signal: &Signal, failure: Option<&Failure>);
}

/// The counts and listeners of a running bus.
#[derive(Default)]
pub(crate) struct Observe {
    on_error: Option<OnError>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    pub(crate) unrouted: Spread,
    pub(crate) refused: Count,
    pub(crate) mismatched: Count,
    pub(crate) periodic_runs: Count,
    pub(crate) delayed_cancelled: Count,
    /// Calls of handlers that were made again after a failure.
    pub(crate) retries: Count,
    /// Signals whose handlers a layer has left out.
    pub(crate) skipped: Count,
    /// Signals of other processes that a transport has told to be lost.
    pub(crate) far_lost: Count,
    pub(crate) letters: Letters,
    failures: Count,
    kept: Mutex<Vec<FailureReport>>,
}

impl fmt::Debug for Observe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observe").finish_non_exhaustive()
    }
}

/// A counter that many tasks count on.
#[derive(Default, Debug)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Observe {
    pub(crate) fn new(
        on_error: Option<OnError>,
        recorder: Option<Arc<dyn Recorder>>,
        letters_max: usize,
    ) -> Self {
        Self {
            on_error,
            recorder,
            letters: Letters::new(letters_max),
            ..Self::default()
        }
    }

    /// Counts a failure, keeps it for the report, and tells of it once.
    pub(crate) fn failed(&self, at: &At, failure: &Failure) {
        self.failures.add(1);
        // The error is the user's: to display it may panic as well.
        let error = caught(|| failure.to_string());
        let error =
            error.unwrap_or_else(|panic| format!("an error whose display panicked: {panic}"));
        match &self.on_error {
            // What `on_error` publishes may be refused: told of to itself, that could go on for ever.
            Some(on_error) if !TELLING.replace(true) => {
                if let Err(panic) = caught(|| on_error(at, failure)) {
                    tracing::error!(%at, "`on_error` itself panicked: {panic}");
                }
                TELLING.set(false);
            }
            _ => tell(at, &error),
        }
        self.keep(at, error);
    }

    fn keep(&self, at: &At, error: String) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < FAILURES_KEPT_MAX {
            kept.push(FailureReport {
                site: at.site,
                topic: at.topic.clone(),
                error,
            });
        }
    }

    pub(crate) fn failure_count(&self) -> u64 {
        self.failures.get()
    }

    pub(crate) fn failures(&self) -> Vec<FailureReport> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

thread_local! {
    /// Whether this thread is inside of `on_error`.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// Warns of something that surprises: in the log, or, in a program without one, on standard error.
#[expect(
    clippy::print_stderr,
    reason = "what is skipped must not be skipped in silence in a program that has not set up tracing"
)]
pub(crate) fn warn(warning: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!("{warning}");
    } else {
        eprintln!("signal-bus: {warning}");
    }
}

/// Tells of a failure nobody asked to hear of: in the log, or, in a program without one, on standard error.
#[expect(
    clippy::print_stderr,
    reason = "a failure must not vanish in a program that has set up neither `on_error` nor tracing"
)]
fn tell(at: &At, error: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::error!(%at, "{error}");
    } else {
        eprintln!("signal-bus: {at}: {error}");
    }
}
