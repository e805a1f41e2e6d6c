//! How much a task does for many handlers before it lets others run, and whether it took long.
//!
//! Signals are counted, for the clock costs more than a small handler. How long one takes is learned from one poll to the next: where
//! that is little, more go to a step, or the task would be taken from thread to thread every few microseconds, and fetch all that it
//! needs to the other one each time.

use std::{
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::task::coop;

use crate::worker::runs::SIGNALS_PER_STEP;

/// To begin with a handler counts as much as so many signals.
pub(super) const SIGNALS_PER_TURN: usize = 4;

/// A step takes about as long as this, where signals take little. There are [128 steps] between two waits.
///
/// [128 steps]: https://docs.rs/tokio/1/tokio/task/coop/index.html
const STEP: Duration = Duration::from_micros(1);
const STEP_MAX: usize = 16 * SIGNALS_PER_STEP;

/// Handlers that take longer than this together, and than usual for each signal, are timed one by one.
const LONG_ROUND: Duration = Duration::from_micros(200);
const USUAL: Duration = Duration::from_nanos(20);

/// What was done, counted in signals.
#[derive(Debug)]
pub(super) struct Pace {
    /// So many go to a step.
    step: usize,
    /// Since the last step.
    since_step: usize,
    /// Since it was last learned how long they took.
    unlearned: usize,
    /// In this round.
    round: usize,
    round_took: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            step: SIGNALS_PER_STEP,
            since_step: 0,
            unlearned: 0,
            round: 0,
            round_took: Duration::ZERO,
        }
    }
}

impl Pace {
    #[inline]
    pub(super) fn did(&mut self, signals: usize) {
        self.since_step += signals;
        self.unlearned += signals;
    }

    /// How many turns, in which so many signals are handled each, go before the next step.
    #[inline]
    pub(super) fn turns_left(&self, signals: usize) -> usize {
        let left = self.step.saturating_sub(self.since_step);
        left.div_ceil(SIGNALS_PER_TURN + signals)
    }

    /// Whether it is time for a step.
    #[inline]
    pub(super) fn is_step_due(&self) -> bool {
        self.step <= self.since_step
    }

    /// Takes a step.
    pub(super) fn steps(&mut self) {
        self.since_step -= self.step.min(self.since_step);
    }

    /// Learns how long what was done since the last time has taken; nothing of no time.
    pub(super) fn learn(&mut self, took: Duration) {
        let done = std::mem::take(&mut self.unlearned);
        self.round += done;
        self.round_took += took;
        if 0 < done && !took.is_zero() {
            let fit = done as u128 * STEP.as_nanos() / took.as_nanos();
            let fit = usize::try_from(fit).unwrap_or(STEP_MAX);
            self.step = fit.clamp(SIGNALS_PER_STEP, STEP_MAX);
        }
    }

    /// Ends a round; whether it took long.
    pub(super) fn ends_long_round(&mut self) -> bool {
        let usual = USUAL * u32::try_from(self.round).unwrap_or(u32::MAX);
        let long = LONG_ROUND + usual < self.round_took;
        (self.round, self.round_took) = (0, Duration::ZERO);
        long
    }
}

/// Takes a step of those after which a task lets others run.
pub(super) fn poll_step(context: &mut Context<'_>) -> Poll<()> {
    ready!(coop::poll_proceed(context)).made_progress();
    Poll::Ready(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONG_ROUND, Pace, STEP_MAX};
    use crate::worker::runs::SIGNALS_PER_STEP;

    fn steps_of(pace: &mut Pace, signals: usize) -> usize {
        pace.did(signals);
        let steps = (0..).take_while(|_| {
            let due = pace.is_step_due();
            if due {
                pace.steps();
            }
            due
        });
        steps.count()
    }

    #[test]
    fn the_quicker_signals_are_the_more_go_to_a_step() {
        let mut pace = Pace::default();
        assert_eq!(steps_of(&mut pace, 4 * SIGNALS_PER_STEP), 4);
        pace.learn(Duration::from_nanos(1));
        assert_eq!(steps_of(&mut pace, 4 * STEP_MAX), 4);
        // 20 ns each.
        pace.learn(Duration::from_nanos(20 * 4 * STEP_MAX as u64));
        assert_eq!(steps_of(&mut pace, 100), 2);
        pace.learn(Duration::from_secs(1));
        assert_eq!(steps_of(&mut pace, 10 * SIGNALS_PER_STEP), 10);
        pace.learn(Duration::ZERO);
        assert_eq!(
            steps_of(&mut pace, 10 * SIGNALS_PER_STEP),
            10,
            "no time tells nothing"
        );
    }

    #[test]
    fn a_round_is_long_beyond_what_is_usual_for_its_signals() {
        let mut pace = Pace::default();
        pace.did(10);
        pace.learn(LONG_ROUND + Duration::from_micros(1));
        assert!(pace.ends_long_round());
        pace.did(1_000);
        pace.learn(LONG_ROUND + Duration::from_micros(1));
        assert!(!pace.ends_long_round());
        pace.did(10);
        pace.learn(LONG_ROUND);
        pace.did(10);
        pace.learn(LONG_ROUND);
        assert!(pace.ends_long_round(), "it went on over two polls");
    }
}
