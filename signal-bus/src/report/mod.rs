//! What a bus says of itself: the counts of a running one, and the report of a closed one.

pub(crate) mod health;
pub(crate) mod latency;
#[cfg(feature = "transport")]
pub(crate) mod lease;

use std::{fmt, sync::Arc, time::Duration};

use crate::{process::ProcessSignal, report::latency::Latency, site::Site};

/// Identifies a dead letter in its bus; the later has the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeadLetterId(u64);

impl DeadLetterId {
    /// The id of a number that was an id's before: in a link, in an answer of an operator.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number; the first is 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How the close of a bus ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CloseOutcome {
    /// Every signal was handled before the deadline.
    Drained,
    /// The deadline passed; what still waited or ran was cancelled and counted as abandoned.
    DeadlineExceeded,
    /// A second signal of the operating system came; what still waited or ran was cancelled and counted as abandoned.
    Aborted,
    /// The runtime went away under the bus; what still waited or ran is counted as abandoned.
    RuntimeGone,
}

/// What became of the signals of one subscription.
///
/// `accepted = done + dead + dropped + abandoned + outstanding`, at any moment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Tally {
    /// Signals the subscription took in.
    pub accepted: u64,
    /// Signals its handler ended well.
    pub done: u64,
    /// Signals whose handling failed for good.
    pub dead: u64,
    /// Signals its overflow policy let go.
    pub dropped: u64,
    /// Signals that were cancelled or never begun, because the deadline passed or the subscription was dropped.
    pub abandoned: u64,
    /// Signals that wait or are being handled.
    pub outstanding: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.done += other.done;
        self.dead += other.dead;
        self.dropped += other.dropped;
        self.abandoned += other.abandoned;
        self.outstanding += other.outstanding;
    }

    /// Whether nothing is missing, and nothing counted twice.
    pub(crate) fn adds_up(&self) -> bool {
        let ended = self.done + self.dead + self.dropped + self.abandoned;
        self.accepted == ended + self.outstanding
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accepted,
            done,
            dead,
            dropped,
            abandoned,
            outstanding,
        } = self;
        write!(f, "{accepted} accepted, {done} done, {dead} dead")?;
        for (count, word) in [
            (dropped, "dropped"),
            (abandoned, "abandoned"),
            (outstanding, "outstanding"),
        ] {
            if 0 < *count {
                write!(f, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}

/// One subscription and what became of its signals.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubscriptionReport {
    /// The subscriber's function.
    pub site: Site,
    /// The topics or patterns it subscribes to.
    pub topics: Arc<[Box<str>]>,
    /// What became of its signals.
    pub tally: Tally,
    /// Whether it rests, because it has [panicked too often](crate::Bus::panic_limit); of a group, one member does.
    pub tripped: bool,
    /// Of what is outstanding, the signals that wait: for a handler, or for another attempt while others are handled. Where
    /// one is handled at a time, the one that is tried again counts as running.
    pub waiting: u64,
    /// Of what is outstanding, the signals that are being handled.
    pub running: u64,
    /// How long its handler takes; `None` as long as it was not called, and for what is read by hand.
    pub latency: Option<Latency>,
    /// How long a handler of it has been running that [runs for too long](crate::Bus::stall_after).
    pub stalled_for: Option<Duration>,
    /// How long a publisher has been waiting for room in it, the one that waits for longest.
    pub blocks_for: Option<Duration>,
}

/// Subscriptions that have left, and what became of their signals.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Departed {
    /// How many have left.
    pub count: u64,
    /// What became of the signals of all of them.
    pub tally: Tally,
}

/// A failure as the report keeps it, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FailureReport {
    /// The function it happened in.
    pub site: Site,
    /// The topic of the signal that was handled or published, if there was one.
    pub topic: Option<Arc<str>>,
    /// What went wrong.
    pub error: String,
}

impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.site)?;
        if let Some(topic) = &self.topic {
            write!(f, " on `{topic}`")?;
        }
        write!(f, ": {}", self.error)
    }
}

/// The counts of a bus, taken at one moment.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Publishes that were accepted, also those nobody listened to.
    pub published: u64,
    /// Accepted publishes that reached no subscription.
    pub unrouted: u64,
    /// Publishes that were refused: bus closed, wrong type, bad topic, full and unable to wait.
    pub refused: u64,
    /// Deliveries that were skipped because a typed pattern met a topic of another type.
    pub mismatched: u64,
    /// Signals let through over capacity, because the wait for room could never have ended.
    pub over_capacity: u64,
    /// Runs of periodic functions that were begun.
    pub periodic_runs: u64,
    /// Failures of any kind: those of handlers, of periodic runs and refused publishes. Of the attempts of a
    /// [`Retry`](crate::Retry) only the last one counts.
    pub failures: u64,
    /// Calls of handlers for signals whose handling had failed before.
    pub retries: u64,
    /// Signals whose handlers a [layer](crate::Bus::layer) has [left out](crate::Next::skip); they count as done.
    pub skipped: u64,
    /// Publishes with a delay that the close has cancelled before their time.
    pub delayed_cancelled: u64,
    /// Signals of other processes that a transport has told to be lost: of one that delivers at least once, those that were deleted
    /// where they are kept before they came.
    pub lost_on_the_way: u64,
    /// All subscriptions together, also those that have left.
    pub total: Tally,
    /// Each subscription there is: those of attributes in order of file and line, then the others as they have come.
    pub subscriptions: Vec<SubscriptionReport>,
    /// The subscriptions that have left before.
    pub departed: Departed,
}

/// How a bus ended: the same report for everybody who waits for it.
///
/// Its `Display` is meant for a log or a terminal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CloseReport {
    /// The names of the bus: those that its descriptions were [given](crate::Bus::named), each once.
    pub names: Vec<&'static str>,
    /// How the close ended.
    pub outcome: CloseOutcome,
    /// The signals of the operating system that have [closed](crate::Bus::on_signal) the bus, in order, if that was it.
    pub signals: Vec<ProcessSignal>,
    /// The function whose panics have [closed](crate::OnTrip::CloseBus) the bus, if that was it.
    pub closed_by: Option<Site>,
    /// Time from the request to close until the end.
    pub elapsed: Duration,
    /// The final counts.
    pub stats: Stats,
    /// The first 64 failures, in order; `stats.failures` counts them all.
    pub failures: Vec<FailureReport>,
    /// The functions that still ran when the deadline passed.
    pub stuck: Vec<Site>,
}

impl fmt::Display for CloseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            CloseOutcome::Drained => "drained",
            CloseOutcome::DeadlineExceeded => "deadline exceeded",
            CloseOutcome::Aborted => "aborted",
            CloseOutcome::RuntimeGone => "runtime gone",
        };
        let Stats {
            published,
            unrouted,
            refused,
            ref total,
            ..
        } = self.stats;
        if !self.names.is_empty() {
            write!(f, "bus `{}`: ", self.names.join("`, `"))?;
        }
        f.write_str(outcome)?;
        if let Some(signal) = self.signals.last() {
            write!(f, " on {signal}")?;
        }
        if let Some(site) = &self.closed_by {
            write!(f, " because {site} has panicked too often,")?;
        }
        write!(f, " after {:.1?}: {published} published", self.elapsed)?;
        let cancelled = self.stats.delayed_cancelled;
        let delayed = match cancelled {
            1 => "delayed publish cancelled",
            _ => "delayed publishes cancelled",
        };
        for (count, word) in [
            (unrouted, "unrouted"),
            (refused, "refused"),
            (cancelled, delayed),
        ] {
            if 0 < count {
                write!(f, " ({count} {word})")?;
            }
        }
        write!(f, ", {total}")?;
        for subscription in &self.stats.subscriptions {
            let topics = subscription.topics.join("`, `");
            write!(
                f,
                "\n  `{topics}` -> {}: {}",
                subscription.site, subscription.tally
            )?;
        }
        let Departed { count, tally } = &self.stats.departed;
        if 0 < *count {
            let have = if *count == 1 { "has" } else { "have" };
            write!(f, "\n  {count} that {have} left: {tally}")?;
        }
        for failure in &self.failures {
            write!(f, "\n  failed: {failure}")?;
        }
        for site in &self.stuck {
            write!(f, "\n  stuck: {site}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CloseOutcome, CloseReport, Departed, Stats, Tally};

    fn report(count: u64) -> CloseReport {
        CloseReport {
            names: Vec::new(),
            outcome: CloseOutcome::Drained,
            signals: Vec::new(),
            closed_by: None,
            elapsed: Duration::from_millis(20),
            stats: Stats {
                delayed_cancelled: count,
                departed: Departed {
                    count,
                    tally: Tally::default(),
                },
                ..Stats::default()
            },
            failures: Vec::new(),
            stuck: Vec::new(),
        }
    }

    #[test]
    fn a_report_tells_one_from_several() {
        let tally = "0 accepted, 0 done, 0 dead";
        for (count, delayed, departed) in [
            (0, "", String::new()),
            (
                1,
                " (1 delayed publish cancelled)",
                format!("\n  1 that has left: {tally}"),
            ),
            (
                3,
                " (3 delayed publishes cancelled)",
                format!("\n  3 that have left: {tally}"),
            ),
        ] {
            let text = format!("drained after 20.0ms: 0 published{delayed}, {tally}{departed}");
            assert_eq!(report(count).to_string(), text);
        }
    }
}
