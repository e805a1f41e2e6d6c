//! Leases: of all buses that ask for the same one, one has it.

use std::{fmt, pin::Pin, time::Duration};

use crate::transport::TransportFuture;

/// A lease that a bus asks for: by scope and name it is one and the same for all who ask.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// Among whom there is one: `cluster`. ASCII letters, digits, `_` and `-`.
    pub scope: String,
    /// What it is for: `shop::jobs::report`.
    pub name: String,
    /// Who asks; nobody else asks by that name.
    pub holder: String,
    /// How long it is held after a call of [`Lease::hold`].
    pub time: Duration,
}

impl LeaseRequest {
    /// A lease of nobody yet.
    pub fn new(scope: impl Into<String>, name: impl Into<String>, time: Duration) -> Self {
        Self {
            scope: scope.into(),
            name: name.into(),
            holder: String::new(),
            time,
        }
    }

    /// The same for a holder.
    #[must_use]
    pub fn held_by(mut self, holder: impl Into<String>) -> Self {
        self.holder = holder.into();
        self
    }
}

/// A lease, as one of those who ask for it sees it. Its methods are called one after the other.
///
/// An engine keeps with it who has it, and a mark: a number, and when it was set by the engine's own clock. The mark stays when the
/// holder goes.
///
/// No two have it at once, as long as the clocks of their machines run about as fast, whatever time they show: who has it counts the time from
/// before he asked, and who waits for it counts it from after he saw it taken.
pub trait Lease: fmt::Debug + Send + Sync + 'static {
    /// Takes the lease if nobody has it, or keeps it for longer; and sets the mark in the same step, if there is one.
    ///
    /// With [`Holding::Ours`], nobody else has had it since the call began, nor gets it before the time that was asked for has passed since then, unless
    /// it is released. Without, the mark is as it was.
    ///
    /// # Errors
    ///
    /// If it is not known who has it. Whoever had it may still have it, and what was asked for may be done.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it may be held or not, and marked or not.
    fn hold(&self, mark: Option<u64>) -> TransportFuture<'_, Holding>;

    /// Waits until somebody else has released it, since the last call of [`hold`](Self::hold), as far as the engine tells. It may never end: who waits
    /// for the lease asks again by himself, too.
    ///
    /// # Cancel safety
    ///
    /// What is told meanwhile may be lost.
    fn released(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }

    /// Gives it up, if it is held, so that another has it at once.
    ///
    /// # Errors
    ///
    /// If that may not have got through: then it is free when its time is over.
    fn release(&self) -> TransportFuture<'_, ()>;
}

/// Who has a lease.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Holding {
    /// Whoever has asked.
    Ours {
        /// The mark; `None` if nobody has ever set one.
        marked: Option<Mark>,
    },
    /// Another.
    Theirs {
        /// Who.
        holder: String,
        /// When it is free if nothing is heard of him.
        free_in: Duration,
    },
}

/// What was noted with a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Mark {
    /// What was noted.
    pub number: u64,
    /// How long ago, by the clock of the engine.
    pub ago: Duration,
}

impl Mark {
    /// A mark of so long ago.
    #[must_use]
    pub fn new(number: u64, ago: Duration) -> Self {
        Self { number, ago }
    }
}
