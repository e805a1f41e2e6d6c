//! Periodic functions, as the attributes declare them.

use std::{fmt, time::Duration};

use crate::{
    inject::Dependency,
    registry::{BusName, handler::HandlerFuture, trip::OnTrip},
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

/// When a periodic function runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Schedule {
    /// Each time this much has passed.
    Every(Duration),
    /// At the times a cron expression names, in a time zone of the IANA database; `None` is UTC.
    Cron(&'static str, Option<&'static str>),
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(period) => write!(f, "every {period:?}"),
            Self::Cron(expression, None) => write!(f, "at `{expression}` (UTC)"),
            Self::Cron(expression, Some(tz)) => write!(f, "at `{expression}` ({tz})"),
        }
    }
}

/// A periodic function's declaration.
#[derive(Clone)]
pub struct Periodic {
    pub(crate) site: Site,
    pub(crate) schedule: Schedule,
    pub(crate) run: fn() -> HandlerFuture<'static>,
    pub(crate) after: Option<Duration>,
    pub(crate) jitter: Duration,
    /// The clock counts from the start of runs, and does this with those missed; `None`: from their end.
    pub(crate) fixed_rate: Option<Missed>,
    /// The cluster in which one process runs it.
    pub(crate) once_in: Option<&'static str>,
    pub(crate) on_trip: Option<OnTrip>,
    pub(crate) bus: BusName,
    pub(crate) dependencies: Vec<Dependency>,
}

impl fmt::Debug for Periodic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Periodic({} {:?})", self.site, self.schedule)
    }
}

impl Periodic {
    /// Declares that the function at `site` runs every `period`.
    #[must_use]
    pub fn new(site: Site, period: Duration, run: fn() -> HandlerFuture<'static>) -> Self {
        Self::scheduled(site, Schedule::Every(period), run)
    }

    /// Declares that the function at `site` runs at the times that a cron expression names.
    ///
    /// The time zone is UTC unless [`tz`](Self::tz) names another.
    #[must_use]
    pub fn cron(site: Site, expression: &'static str, run: fn() -> HandlerFuture<'static>) -> Self {
        Self::scheduled(site, Schedule::Cron(expression, None), run)
    }

    fn scheduled(site: Site, schedule: Schedule, run: fn() -> HandlerFuture<'static>) -> Self {
        Self {
            site,
            schedule,
            run,
            after: None,
            jitter: Duration::ZERO,
            fixed_rate: None,
            once_in: None,
            on_trip: None,
            bus: BusName::DEFAULT,
            dependencies: Vec::new(),
        }
    }

    /// Whether its first run comes at once, whatever happens.
    pub(crate) fn is_owed(&self) -> bool {
        // Whose turn it is in a cluster is not known at the start.
        let alone = self.once_in.is_none();
        alone && self.after.is_none() && matches!(self.schedule, Schedule::Every(_))
    }

    /// The time zone of a cron expression, as the IANA database names it: `Europe/Berlin`.
    #[must_use]
    pub fn tz(mut self, name: &'static str) -> Self {
        if let Schedule::Cron(expression, _) = self.schedule {
            self.schedule = Schedule::Cron(expression, Some(name));
        }
        self
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

    /// Leaves out that only one process of a cluster runs it.
    pub(crate) fn stands_alone(&mut self) {
        self.once_in = None;
    }

    /// Of all processes of a cluster, one runs it.
    #[must_use]
    pub fn once_in(mut self, cluster: &'static str) -> Self {
        self.once_in = Some(cluster);
        self
    }

    /// What happens when it has panicked too often.
    #[must_use]
    pub fn on_trip(mut self, on_trip: OnTrip) -> Self {
        self.on_trip = Some(on_trip);
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
