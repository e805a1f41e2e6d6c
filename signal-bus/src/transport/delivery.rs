//! A message as it comes in, and the way back to whoever keeps it.

use std::{fmt, time::Duration};

use crate::transport::{Message, TransportError, TransportFuture};

/// What comes in.
#[derive(Debug)]
#[non_exhaustive]
pub enum Incoming {
    /// A message.
    Message(Delivery),
    /// Messages are gone that were meant for this bus; they are counted, and the reason is logged.
    Lost {
        /// How many, as far as that is known; 0 if there may be some, and nobody knows how many.
        count: u64,
        /// Why.
        reason: String,
    },
    /// Something is wrong for the moment; what was promised still holds.
    Trouble(TransportError),
}

/// A message as it comes in.
#[derive(Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// How often it was handed out, this time included: 1 at first.
    pub attempt: u32,
    /// Its number in the engine, which is greater than that of every message stored before it, and the same each time; `None`
    /// where the engine does not [replay](crate::transport::Features::replay).
    pub sequence: Option<u64>,
    /// The way to acknowledge it; `None` where it comes once at most.
    pub acknowledge: Option<Box<dyn Acknowledge>>,
}

impl Delivery {
    /// A message that comes once at most.
    #[must_use]
    pub fn once(message: Message) -> Self {
        Self {
            message,
            attempt: 1,
            sequence: None,
            acknowledge: None,
        }
    }

    /// A message that is handed out again until it is acknowledged.
    #[must_use]
    pub fn acknowledged_by(message: Message, attempt: u32, by: impl Acknowledge) -> Self {
        Self {
            message,
            attempt,
            sequence: None,
            acknowledge: Some(Box::new(by)),
        }
    }

    /// The same with its number in the engine.
    #[must_use]
    pub fn numbered(mut self, sequence: u64) -> Self {
        self.sequence = Some(sequence);
        self
    }
}

/// Tells whoever keeps a message what became of it.
///
/// Dropped without a [verdict](Self::settle), which comes once at most, the message is handed out again when its [`patience`](Self::patience) is over.
pub trait Acknowledge: fmt::Debug + Send + Sync + 'static {
    /// Says what became of it.
    ///
    /// # Errors
    ///
    /// If that did not get through: then the message may come again.
    fn settle(&self, verdict: Verdict) -> TransportFuture<'_, ()>;

    /// Says what became of it as [`settle`](Self::settle) does, if that takes no waiting; `None` if it does: then nothing has happened, and
    /// `settle` is asked. A transport can save its bus much of an acknowledgement by it, and need not have it.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    fn try_settle(&self, verdict: &Verdict) -> Option<Result<(), TransportError>> {
        let _ = verdict;
        None
    }

    /// Says that its handler still runs, so that nobody else gets it.
    ///
    /// # Errors
    ///
    /// If that did not get through.
    fn extend(&self) -> TransportFuture<'_, ()>;

    /// After how long without a word it is handed out again.
    fn patience(&self) -> Duration;
}

/// What became of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// All handlers have ended well: it is over.
    Done,
    /// It goes back: somebody else, or the same bus later, gets it, after the delay if there is one.
    Again {
        /// How long it rests before.
        after: Option<Duration>,
    },
    /// A handler has failed for good, or the payload cannot be read: it goes where the transport keeps dead letters, and only then
    /// it is over.
    Dead {
        /// Why, in words.
        reason: String,
    },
}
