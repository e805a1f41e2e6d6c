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
        let zone = match zone {
            None => jiff::tz::TimeZone::UTC,
            Some(name) => jiff::tz::TimeZone::get(name).map_err(|error| {
                format!("`{name}` is no time zone; write for example \"Europe/Berlin\" ({error})")
            })?,
        };
        Ok(Self {
            expression: expression.parse().map_err(|_| refusal(expression))?,
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

/// The fields of an expression, and what each may hold; the first and the last may be left out.
#[cfg(feature = "cron")]
const FIELDS: [(&str, &str); 7] = [
    ("second", "0-59"),
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of a month", "1-31, L"),
    ("month", "1-12, Jan-Dec"),
    ("weekday", "0-7, Sun-Sat"),
    ("year", "1-5000"),
];

/// Says what is wrong with an expression, and what to write.
///
/// The parser speaks of positions and bits, so the field is looked for here.
#[cfg(feature = "cron")]
fn refusal(expression: &str) -> String {
    let fields: Vec<_> = expression.split_whitespace().collect();
    let names = &FIELDS[usize::from(fields.len() == 5)..];
    let alone = |at: usize| {
        let others = |index| if index == at { fields[at] } else { "*" };
        let text: Vec<_> = (0..fields.len()).map(others).collect();
        text.join(" ").parse::<croner::Cron>()
    };
    let wrong = (0..fields.len()).find(|&at| alone(at).is_err());
    let wrong = match wrong.and_then(|at| Some((fields[at], names.get(at)?))) {
        Some((nickname, _)) if nickname.starts_with('@') => {
            String::from(", nor one of @yearly, @monthly, @weekly, @daily and @hourly")
        }
        Some((field, (name, range))) => format!(": `{field}` is no {name} ({range})"),
        None => String::new(),
    };
    format!(
        "`{expression}` is no cron expression{wrong}; write [second] minute hour day month weekday [year], \
         for example \"30 3 * * Mon\": half past three on Mondays"
    )
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

#[cfg(all(test, feature = "cron"))]
mod tests {
    use super::Cron;

    #[test]
    fn a_wrong_expression_is_told_its_field_and_an_example() {
        for (expression, wrong) in [
            ("0 99 * * * *", ": `99` is no minute (0-59);"),
            ("99 * * * *", ": `99` is no minute (0-59);"),
            ("* 24 * * *", ": `24` is no hour (0-23);"),
            ("* * 32 * *", ": `32` is no day of a month (1-31, L);"),
            ("* * * Foo *", ": `Foo` is no month (1-12, Jan-Dec);"),
            ("* * * * Fry", ": `Fry` is no weekday (0-7, Sun-Sat);"),
            ("* * * * * * soon", ": `soon` is no year (1-5000);"),
            ("@sometimes", ", nor one of @yearly,"),
        ] {
            let refusal = Cron::new(expression, None).err().expect(expression);
            let begin = format!("`{expression}` is no cron expression{wrong}");
            assert!(refusal.starts_with(&begin), "{refusal}");
            let end = "write [second] minute hour day month weekday [year], \
                       for example \"30 3 * * Mon\": half past three on Mondays";
            assert!(refusal.ends_with(end), "{refusal}");
        }
        assert!(Cron::new("30 3 * * Mon", None).is_ok());
    }
}
