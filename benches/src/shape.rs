//! What is delivered to whom.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many may wait at each subscriber, here and everywhere.
pub const CAPACITY: usize = 1024;

/// The runtime that a contest is held on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavor {
    /// One thread.
    Current,
    /// Two worker threads.
    Multi,
}

/// What a signal carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload {
    /// A `u64`.
    Word,
    /// 64 bytes.
    Block,
    /// 1 KiB, in an `Arc`.
    Page,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// As many signals as fit: time per delivery.
    Throughput,
    /// The next signal when all have handled the one before: time per signal.
    Rounds,
}

/// One line of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// What is measured.
    pub measure: Measure,
    /// The runtime.
    pub flavor: Flavor,
    /// Tasks that publish.
    pub publishers: usize,
    /// Tasks that get every signal.
    pub subscribers: usize,
    /// What a signal carries.
    pub payload: Payload,
}

impl Shape {
    /// Signals that each publisher sends in one run: enough for a run to take some milliseconds.
    #[must_use]
    pub fn signals(&self) -> usize {
        match self.measure {
            Measure::Throughput => {
                (400_000 / (self.subscribers.max(1) * self.publishers)).max(2_000)
            }
            Measure::Rounds => 20_000 / self.subscribers.max(2),
        }
    }

    /// What the time of a run is divided by.
    #[must_use]
    pub fn units(&self) -> usize {
        let signals = self.signals() * self.publishers;
        match self.measure {
            Measure::Throughput => signals * self.subscribers.max(1),
            Measure::Rounds => signals,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measure = match self.measure {
            Measure::Throughput => "throughput",
            Measure::Rounds => "one at a time",
        };
        let flavor = match self.flavor {
            Flavor::Current => "current",
            Flavor::Multi => "multi",
        };
        let payload = match self.payload {
            Payload::Word => "u64",
            Payload::Block => "64 B",
            Payload::Page => "1 KiB in an Arc",
        };
        let (publishers, subscribers) = (self.publishers, self.subscribers);
        write!(f, "{measure} {publishers}→{subscribers} {payload} {flavor}")
    }
}

/// Lets a publisher wait until all subscribers have handled a signal.
#[derive(Debug)]
pub struct Round {
    left: AtomicUsize,
    over: Notify,
}

impl Round {
    /// A round that nobody has to arrive at.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            left: AtomicUsize::new(0),
            over: Notify::const_new(),
        }
    }

    /// Begins a round of so many.
    pub fn begin(&self, subscribers: usize) {
        self.left.store(subscribers, Ordering::Release);
    }

    /// One of them has handled its signal.
    pub fn arrive(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.over.notify_one();
        }
    }

    /// Waits until all have.
    pub async fn over(&self) {
        self.over.notified().await;
    }
}

impl Default for Round {
    fn default() -> Self {
        Self::new()
    }
}

/// What a subscriber does with a value: as good as nothing, but it cannot be left out.
pub fn touch<T>(value: &T) {
    std::hint::black_box(value);
}
