//! Times of day, as cron expressions name them.

use std::time::SystemTime;

/// A cron expression in a time zone.
#[cfg(feature = "cron")]
pub(crate) struct Cron {
    expression: croner::Cron,
    zone: jiff::tz::TimeZone,
}

#[cfg(feature = "cron")]
impl Cron {
    /// Reads an expression and finds its time zone; without one, it is UTC.
    pub(crate) fn new(expression: &str, zone: Option<&str>) -> Result<Self, String> {
        let parsed = expression.parse();
        let zone = match zone {
            None => jiff::tz::TimeZone::UTC,
            Some(name) => jiff::tz::TimeZone::get(name).map_err(|error| {
                format!("`{name}` is no time zone; write for example \"Europe/Berlin\" ({error})")
            })?,
        };
        Ok(Self {
            expression: parsed.map_err(|error| {
                format!(
                    "`{expression}` is no cron expression: {error}; write [second] minute hour day month weekday"
                )
            })?,
            zone,
        })
    }

    /// The first of its times after `time`.
    pub(crate) fn after(&self, time: SystemTime) -> Option<SystemTime> {
        let time = jiff::Timestamp::try_from(time).ok()?;
        let zoned = time.to_zoned(self.zone.clone());
        let next = self.expression.find_next_occurrence(&zoned, false).ok()?;
        Some(next.timestamp().into())
    }
}

/// What is left of it without the feature.
#[cfg(not(feature = "cron"))]
pub(crate) enum Cron {}

#[cfg(not(feature = "cron"))]
impl Cron {
    pub(crate) fn new(expression: &str, _zone: Option<&str>) -> Result<Self, String> {
        Err(format!(
            "`{expression}` needs the feature `cron` of signal-bus, which is on by default"
        ))
    }

    pub(crate) fn after(&self, _time: SystemTime) -> Option<SystemTime> {
        match *self {}
    }
}
