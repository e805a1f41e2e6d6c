//! Dead letters: signals whose handling failed for good.

use std::{error::Error, fmt, sync::Arc};

#[cfg(feature = "transport")]
use crate::queue::stores::QueueId;
use crate::{
    error::Failure, observe::At, queue::offer::Target, report::DeadLetterId, signal::Signal,
};

/// The topic of dead letters.
pub(crate) const DEAD: &str = "$bus.dead";

/// A signal whose handling failed for good, as subscribers of `$bus.dead` get it.
///
/// They make no one wait: a subscription that is full drops the oldest letters, which the report counts. Give it the
/// `capacity` it needs. The bus itself keeps the newest: [`BusHandle::dead_letters`](crate::BusHandle::dead_letters) browses
/// and replays them. Displayed with all that is known: place, failure, attempts, and why there was no other.
///
/// ```standalone_crate
/// use signal_bus::{DeadLetter, subscriber};
///
/// #[subscriber("$bus.dead")]
/// async fn bury(letter: &DeadLetter) {
///     println!("{}: {}", letter.at(), letter.failure());
/// }
/// ```
#[derive(Clone, Debug)]
pub struct DeadLetter {
    id: DeadLetterId,
    /// Where it came from, and goes to if it is replayed.
    target: Target,
    at: At,
    signal: Signal,
    failure: Arc<Failure>,
    attempts: u32,
    reason: DeadReason,
}

/// Why a signal was given up on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DeadReason {
    /// The subscription has no [`Retry`](crate::Retry), or none for this kind of failure.
    NotRetried,
    /// It has failed as often as the subscription's [`Retry`](crate::Retry) lets it.
    Exhausted,
    /// The error is marked as [`Permanent`](crate::Permanent), or is of a kind that another attempt cannot mend.
    Permanent,
    /// Another attempt would have begun after the budget of time of the subscription's [`Retry`](crate::Retry).
    OutOfTime,
    /// The bus closes, and another attempt would have begun after its deadline.
    Closing,
    /// It came from another process, and nobody here can read it; its value is the `Message` as it came.
    Unreadable,
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRetried => "it is not retried",
            Self::Exhausted => "there are no attempts left",
            Self::Permanent => "another attempt cannot mend it",
            Self::OutOfTime => "the next attempt would exceed its budget of time",
            Self::Closing => "the bus is closing, before the next attempt could begin",
            Self::Unreadable => "it cannot be read",
        })
    }
}

/// What a handling has come to that failed for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) attempts: u32,
    pub(crate) reason: DeadReason,
}

impl DeadLetter {
    pub(crate) fn new(
        (id, target): (DeadLetterId, Target),
        at: At,
        signal: Signal,
        failure: Arc<Failure>,
        verdict: Verdict,
    ) -> Self {
        let Verdict { attempts, reason } = verdict;
        Self {
            id,
            target,
            at,
            signal,
            failure,
            attempts,
            reason,
        }
    }

    /// A letter of what no subscription has got.
    #[cfg(feature = "transport")]
    pub(crate) fn unread(
        id: DeadLetterId,
        at: At,
        signal: Signal,
        failure: Arc<Failure>,
        verdict: Verdict,
    ) -> Self {
        let target = Target {
            queue: QueueId::NONE,
            key: 0,
            alone: true,
        };
        Self::new((id, target), at, signal, failure, verdict)
    }

    pub(crate) fn target(&self) -> Target {
        self.target
    }

    /// Its id, by which it can be [replayed](crate::DeadLetters::replay).
    #[must_use]
    pub fn id(&self) -> DeadLetterId {
        self.id
    }

    /// The subscriber that failed, and the signal's topic and id.
    #[must_use]
    pub fn at(&self) -> &At {
        &self.at
    }

    /// The signal; its value is found again by [`downcast_ref`](Signal::downcast_ref).
    #[must_use]
    pub fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Why its handling failed, the last time.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The error with all of its sources, from the outermost inwards.
    pub fn errors(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        self.failure.chain()
    }

    /// How often it was handled; 1 without a [`Retry`](crate::Retry).
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why it was not tried again.
    #[must_use]
    pub fn reason(&self) -> DeadReason {
        self.reason
    }
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            failure,
            attempts,
            reason,
            ..
        } = self;
        write!(f, "{at}: {failure}")?;
        match (attempts, reason) {
            (1, DeadReason::NotRetried) => Ok(()),
            (1, reason) => write!(f, " (attempt 1: {reason})"),
            (attempts, reason) => write!(f, " ({attempts} attempts: {reason})"),
        }
    }
}
