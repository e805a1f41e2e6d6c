//! How a signal is tried again whose handling has failed.

use std::time::Duration;

use crate::clock::{grown, jitter};

/// How often a signal whose handling failed is handled again, and after which waits.
///
/// Attributes write it as `retry(attempts = 5, base = "100ms", factor = 2, cap = "30s", jitter = full, budget = "5min")`,
/// each part with its default; a [listener](crate::SubscriptionOptions::retry) takes it as a value. What is retried, and
/// what becomes of a signal in the meantime:
///
/// - Errors are retried; panics and timeouts only where that is said. An error that is marked as
///   [permanent](crate::permanent) never is, nor is a publish that a later attempt could not make good.
/// - Between two attempts it waits at random up to `min(cap, base * factor^n)`, where `n` counts the waits before: the
///   [full jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/) that spreads those who failed
///   at the same moment.
/// - The signal stays outstanding, and keeps its room in the subscription's capacity. Where one is handled at a time, those
///   behind it wait, and the order is kept. Where several are handled at once, others have its place meanwhile, except those
///   of the same `key`; when its wait is over it is handled as soon as there is a place again, before newer signals.
/// - When nothing helps it becomes a [`DeadLetter`](crate::DeadLetter), which knows how often it was tried. Only the last
///   failure is told of and counted as one; [`Stats::retries`](crate::Stats::retries) counts the attempts that followed others.
/// - While the bus closes, a wait that would last beyond the deadline is not begun: the signal is a dead letter at once.
/// - A listener that handles several at once, and is dropped, abandons what waits for another attempt, unless others of its
///   group are there.
///
/// A handler that is retried may see a signal more than once: it should do no harm to do its work again.
/// [`Signal::attempt`](crate::Signal::attempt) tells which call this is.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(async {
/// use signal_bus::{Retry, Signal};
///
/// # let bus = signal_bus::Bus::empty().start().await?;
/// let listener = bus.subscription::<u32>("orders").retry(Retry::new().attempts(3)).listen(
///     async |order: Signal<u32>| match order.attempt() {
///         1 | 2 => anyhow::bail!("the store is not there yet"),
///         attempt => Ok(println!("stored at attempt {attempt}")),
///     },
/// )?;
/// bus.publish("orders", 7_u32).await?;
/// listener.close().await?;
/// assert_eq!(bus.close().await?.stats.retries, 2);
/// # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[must_use = "it retries nothing until a subscription gets it"]
pub struct Retry {
    attempts: u32,
    base: Duration,
    factor: f64,
    cap: Duration,
    jitter: Jitter,
    budget: Duration,
    panics: bool,
    timeouts: bool,
}

/// How the waits between attempts differ.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Jitter {
    /// Each wait is a random part of what it could be, so that those who failed together do not come back together.
    #[default]
    Full,
    /// Each wait is as long as it could be.
    None,
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

impl Retry {
    /// Five attempts within five minutes; waits of up to 100 ms, 200 ms, and so on, and 30 s at most.
    pub const fn new() -> Self {
        Self {
            attempts: 5,
            base: Duration::from_millis(100),
            factor: 2.0,
            cap: Duration::from_secs(30),
            jitter: Jitter::Full,
            budget: Duration::from_secs(5 * 60),
            panics: false,
            timeouts: false,
        }
    }

    /// How often a signal is handled at most, the first time included; 5 unless set. The least is 1.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long the first wait may last; 100 ms unless set.
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// How many times as long each wait may last as the one before; 2 unless set. The least is 1.
    pub fn factor(mut self, factor: impl Into<f64>) -> Self {
        self.factor = factor.into();
        self
    }

    /// How long any wait may last; 30 s unless set.
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// How the waits differ; [fully](Jitter::Full) unless set.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// How long after the first attempt another one may begin; 5 min unless set.
    ///
    /// An attempt that has begun is not cut short: that is what a subscriber's `timeout` is for, which holds for each
    /// attempt.
    pub const fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Retries panics as well.
    pub const fn panics(mut self) -> Self {
        self.panics = true;
        self
    }

    /// Retries what the subscriber's `timeout` has ended as well.
    pub const fn timeouts(mut self) -> Self {
        self.timeouts = true;
        self
    }

    /// What cannot be meant by it, in words; and what it has of that.
    pub(crate) fn fault(&self) -> Option<(&'static str, String)> {
        if self.attempts == 0 {
            let rule = "a signal is handled at least once, so `retry` has at least one attempt";
            return Some((rule, "has `attempts = 0`".to_owned()));
        }
        // Also what is not a number.
        let grows = 1.0 <= self.factor && self.factor.is_finite();
        let rule = "the waits of a `retry` do not shrink, so its factor is at least 1";
        (!grows).then(|| (rule, format!("has `factor = {}`", self.factor)))
    }

    pub(crate) fn attempts_max(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn budget_max(&self) -> Duration {
        self.budget
    }

    pub(crate) fn retries_panics(&self) -> bool {
        self.panics
    }

    pub(crate) fn retries_timeouts(&self) -> bool {
        self.timeouts
    }

    /// How long to wait after an attempt; the first is number 1.
    pub(crate) fn wait_after(&self, attempt: u32) -> Duration {
        let most = grown(self.base, self.factor, attempt.saturating_sub(1), self.cap);
        match self.jitter {
            Jitter::Full => jitter(most),
            Jitter::None => most,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Jitter, Retry};

    #[test]
    fn each_wait_is_a_random_part_of_what_it_could_be() {
        let full = Retry::new();
        let most = full.jitter(Jitter::None);
        for (attempt, milliseconds) in [(1, 100), (2, 200), (3, 400), (9, 25_600), (10, 30_000)] {
            let longest = Duration::from_millis(milliseconds);
            assert_eq!(most.wait_after(attempt), longest);
            let waits: Vec<_> = (0..100).map(|_| full.wait_after(attempt)).collect();
            assert!(waits.iter().all(|wait| *wait < longest));
            let (short, long) = (longest / 4, longest / 4 * 3);
            assert!(waits.iter().any(|wait| *wait < short), "{waits:?}");
            assert!(waits.iter().any(|wait| long < *wait), "{waits:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_a_fault() {
        assert_eq!(Retry::new().fault(), None);
        assert!(Retry::new().attempts(0).fault().is_some());
        for factor in [0.99, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Retry::new().factor(factor).fault().is_some(), "{factor}");
        }
    }
}
