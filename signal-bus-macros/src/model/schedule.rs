//! When a periodic function runs.

use proc_macro2::Ident;
use syn::{Expr, Lit, LitStr, Path};

use crate::diagnostics::Errors;
use crate::model::options::Options;
use crate::model::role::{bus, on_trip, time, word};
use crate::model::time::Time;
use crate::parse::bare_expression;

/// `#[periodic(..)]`.
#[derive(Clone)]
pub(crate) struct Schedule {
    pub(crate) clock: Clock,
    pub(crate) after: Option<Time>,
    pub(crate) jitter: Option<Time>,
    /// `Skip`, `Burst` or `Delay`.
    pub(crate) missed: Option<Ident>,
    pub(crate) fixed_rate: bool,
    /// The name of a cluster in which one process runs it.
    pub(crate) once_in: Option<LitStr>,
    /// `rest` or `close_bus`.
    pub(crate) on_trip: Option<Ident>,
    pub(crate) bus: Option<Path>,
}

/// What a periodic function goes by.
#[derive(Clone)]
pub(crate) enum Clock {
    Period(Time),
    Cron(LitStr, Option<LitStr>),
}

impl Schedule {
    pub(crate) fn read(options: &Options, errors: &mut Errors) -> Option<Self> {
        let after = time(options, "after", errors);
        let jitter = time(options, "jitter", errors);
        let missed = word(options, "missed", &["skip", "burst", "delay"], errors);
        let on_trip = on_trip(options, errors);
        let bus = bus(options, errors);
        let fixed_rate = options.flag("fixed_rate").is_some();
        let once_in = once_in(options, errors);
        let clock = match options.value("cron") {
            Some(cron) => Clock::cron(options, cron, errors)?,
            None => Clock::period(options, errors)?,
        };
        Some(Self {
            clock,
            after,
            jitter,
            missed,
            fixed_rate,
            once_in,
            on_trip,
            bus,
        })
    }
}

impl Clock {
    fn period(options: &Options, errors: &mut Errors) -> Option<Self> {
        if let Some(expression) = options.values.iter().find_map(unnamed_cron) {
            errors.at(
                expression,
                format!(
                    "this is no period; did you mean `cron = {}`?",
                    expression.token()
                ),
            );
            return None;
        }
        if let Some(tz) = options.name("tz") {
            errors.at(
                tz,
                "`tz` is the time zone of a cron expression, so it needs `cron = \"..\"`: \
                 `#[periodic(cron = \"0 3 * * *\", tz = \"Europe/Berlin\")]`",
            );
            return None;
        }
        let mut values = options.values.iter();
        let Some(period) = values.next() else {
            options.missing(
                "how often? give a period: `#[periodic(0.5)]` (seconds), `#[periodic(\"250ms\")]`",
                errors,
            );
            return None;
        };
        for extra in values {
            errors.at(
                extra,
                "a periodic function has one period; did you mean `after = ..`?",
            );
        }
        Time::read(period, "the period", errors).map(Self::Period)
    }

    fn cron(options: &Options, cron: &Expr, errors: &mut Errors) -> Option<Self> {
        if let Some(period) = options.values.first() {
            errors.at(
                period,
                "`cron` names the times of day, so there is no period beside it: remove one of them",
            );
        }
        for name in ["after", "fixed_rate"] {
            if let Some(name) = options.name(name) {
                errors.at(
                    name,
                    format!("`cron` names the times of day by itself: remove `{name}`"),
                );
            }
        }
        let tz = match options.value("tz") {
            Some(tz) => Some(text(tz, "tz", "Europe/Berlin", errors)?),
            None => None,
        };
        let cron = text(cron, "cron", "0 */5 * * * *", errors)?;
        if let Some(wrong) = wrong_cron(&cron.value()) {
            errors.at(&cron, wrong);
            return None;
        }
        Some(Self::Cron(cron, tz))
    }
}

/// Reads `once_in = "cluster"`.
fn once_in(options: &Options, errors: &mut Errors) -> Option<LitStr> {
    let name = text(options.value("once_in")?, "once_in", "cluster", errors)?;
    let written = name.value();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !written.is_empty() && written.chars().all(fits) {
        return Some(name);
    }
    errors.at(
        &name,
        "`once_in` names a cluster by letters, digits, `_` and `-` of ASCII, for example \
         `once_in = \"cluster\"`",
    );
    None
}

/// Returns a text that is a cron expression, though nobody calls it one.
fn unnamed_cron(value: &Expr) -> Option<&LitStr> {
    let text = literal_text(value)?;
    let written = text.value();
    let begins = |c: char| c.is_ascii_digit() || c == '*' || c == '@';
    (written.trim_start().starts_with(begins) && wrong_cron(&written).is_none()).then_some(text)
}

/// Says why a text cannot be a cron expression. What its fields may hold is checked when the bus starts.
fn wrong_cron(text: &str) -> Option<String> {
    let fields = text.split_whitespace().count();
    let nickname = text.starts_with('@') && fields == 1;
    if nickname || (5..=7).contains(&fields) {
        return None;
    }
    let count = match fields {
        1 => "1 field".to_owned(),
        count => format!("{count} fields"),
    };
    Some(format!(
        "a cron expression has 5 to 7 fields, [second] minute hour day month weekday [year], and \
         this has {count}; every five minutes is \"*/5 * * * *\""
    ))
}

fn text(value: &Expr, name: &str, example: &str, errors: &mut Errors) -> Option<LitStr> {
    if let Some(text) = literal_text(value) {
        return Some(text.clone());
    }
    errors.at(
        value,
        format!("`{name}` is a text, for example `{name} = \"{example}\"`"),
    );
    None
}

fn literal_text(value: &Expr) -> Option<&LitStr> {
    match bare_expression(value) {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
