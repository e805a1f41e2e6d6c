//! Periodic functions, as the attributes declare them.

use std::{fmt, time::Duration};

use crate::{
    inject::Dependency,
    registry::{BusName, handler::HandlerFuture},
    site::Site,
};

/// What happens to runs of a fixed-rate periodic that are late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missed {
    /// They are left out; the next run is the next one due.
    Skip,
    /// They are made up for at once, one after the other.
    Burst,
    /// The whole schedule moves.
    Delay,
}

/// A periodic function's declaration.
#[derive(Clone)]
pub struct Periodic {
    pub(crate) site: Site,
    pub(crate) period: Duration,
    pub(crate) run: fn() -> HandlerFuture,
    pub(crate) after: Option<Duration>,
    pub(crate) jitter: Duration,
    /// The clock counts from the start of runs, and does this with those missed; `None`: from their end.
    pub(crate) fixed_rate: Option<Missed>,
    pub(crate) bus: BusName,
    pub(crate) dependencies: Vec<Dependency>,
}

impl fmt::Debug for Periodic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Periodic({} every {:?})", self.site, self.period)
    }
}

impl Periodic {
    /// Declares that the function at `site` runs every `period`.
    #[must_use]
    pub fn new(site: Site, period: Duration, run: fn() -> HandlerFuture) -> Self {
        Self {
            site,
            period,
            run,
            after: None,
            jitter: Duration::ZERO,
            fixed_rate: None,
            bus: BusName::DEFAULT,
            dependencies: Vec::new(),
        }
    }

    /// Waits this long before the first run.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = Some(delay);
        self
    }

    /// Adds up to this much to each wait, at random.
    #[must_use]
    pub fn jitter(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }

    /// Counts the period from the start of each run.
    #[must_use]
    pub fn fixed_rate(self) -> Self {
        self.missed(Missed::Skip)
    }

    /// Counts the period from the start of each run, and does this with runs that are late.
    #[must_use]
    pub fn missed(mut self, missed: Missed) -> Self {
        self.fixed_rate = Some(missed);
        self
    }

    /// The bus it belongs to.
    #[must_use]
    pub fn bus(mut self, name: &'static BusName) -> Self {
        self.bus = *name;
        self
    }

    /// What its injected parameters need.
    #[must_use]
    pub fn dependencies(mut self, dependencies: Vec<Dependency>) -> Self {
        self.dependencies = dependencies;
        self
    }
}
