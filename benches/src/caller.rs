//! Those who have no peers: what one step of theirs takes, and how the figures compare among themselves.

use std::pin::Pin;
use std::time::Duration;

use crate::contest::runtime;
use crate::figures::Figures;
use crate::shape::Flavor;

type Run = fn() -> Pin<Box<dyn Future<Output = Duration> + Send>>;

/// Somebody who does the same again and again.
#[derive(Debug)]
pub struct Caller {
    /// What is done, and where.
    pub name: &'static str,
    run: Run,
    /// How often it is done in one run.
    steps: u32,
    /// Nanoseconds a step.
    pub figures: Figures,
}

impl Caller {
    /// Somebody whose run does so many steps, and tells what they took.
    #[must_use]
    pub fn new(name: &'static str, steps: u32, run: Run) -> Self {
        Self {
            name,
            run,
            steps,
            figures: Figures::default(),
        }
    }
}

/// Callers whose figures stand in one table.
#[derive(Debug)]
pub struct Callers {
    /// The name of what is measured, as of a shape.
    pub shape: &'static str,
    /// What the table is of.
    pub title: &'static str,
    /// Who they are; the first is what the others are compared with.
    pub all: Vec<Caller>,
}

impl Callers {
    /// Lets everybody run in turn, on one thread; the first turn, in which caches are cold, does not count.
    pub fn hold(&mut self, turns: usize) {
        for turn in 0..=turns {
            for caller in &mut self.all {
                let elapsed = runtime(Flavor::Current).block_on((caller.run)());
                if 0 < turn {
                    let nanoseconds = elapsed.as_secs_f64() * 1e9 / f64::from(caller.steps);
                    caller.figures.add(nanoseconds);
                }
            }
        }
    }
}
