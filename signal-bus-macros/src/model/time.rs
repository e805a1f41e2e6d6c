//! Times: literal seconds, `"250ms"`, or an expression of type `Duration`.

use std::time::Duration;

use syn::{Expr, Lit, UnOp};

use crate::diagnostics::Errors;
use crate::parse::bare_expression;

const FORMS: &str = "write for example 1, 0.5 (seconds), \"250ms\", \"1.5s\", \"2m\" or \"1h\"";

/// A span of time.
#[derive(Clone)]
pub(crate) enum Time {
    Literal(Duration, proc_macro2::Span),
    /// Checked by rustc to be a `Duration`.
    Expression(Expr),
}

impl Time {
    /// Reads a time; `what` names it in messages.
    pub(crate) fn read(value: &Expr, what: &str, errors: &mut Errors) -> Option<Self> {
        let result = match bare_expression(value) {
            Expr::Lit(lit) => {
                literal(&lit.lit).map(|duration| Self::Literal(duration, lit.lit.span()))
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => Err(Wrong::NotPositive),
            other => Ok(Self::Expression(other.clone())),
        };
        let message = match result {
            Ok(time) => return Some(time),
            Err(Wrong::NotPositive) => format!("{what} must be greater than zero; {FORMS}"),
            Err(Wrong::NotATime) => format!("this is not a time; {FORMS}"),
            Err(Wrong::NotAUnit(unit, instead)) => {
                let instead =
                    instead.map_or_else(String::new, |text| format!(": write \"{text}\""));
                format!("`{unit}` is not a unit; there are ns, us, ms, s, m and h{instead}")
            }
            Err(Wrong::TooLong) => format!("{what} is longer than time can be counted"),
        };
        errors.at(value, message);
        None
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    NotATime,
    /// A unit that is none here, and the same time in one that is.
    NotAUnit(String, Option<String>),
    NotPositive,
    TooLong,
}

fn literal(literal: &Lit) -> Result<Duration, Wrong> {
    match literal {
        Lit::Int(int) if int.suffix().is_empty() => {
            scaled(int.base10_digits(), NANOSECONDS_PER_SECOND)
        }
        Lit::Float(float) if float.suffix().is_empty() => {
            scaled(float.base10_digits(), NANOSECONDS_PER_SECOND)
        }
        Lit::Str(text) => with_unit(&text.value()),
        _ => Err(Wrong::NotATime),
    }
}

const NANOSECONDS_PER_SECOND: u128 = 1_000_000_000;

fn with_unit(text: &str) -> Result<Duration, Wrong> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err(Wrong::NotPositive);
    }
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let nanoseconds = match unit.trim() {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOSECONDS_PER_SECOND,
        "m" | "min" => 60 * NANOSECONDS_PER_SECOND,
        "h" => 3_600 * NANOSECONDS_PER_SECOND,
        "" => return Err(Wrong::NotATime),
        other if number.is_empty() || !other.chars().all(char::is_alphabetic) => {
            return Err(Wrong::NotATime);
        }
        other => return Err(Wrong::NotAUnit(other.to_owned(), instead_of(number, other))),
    };
    scaled(number, nanoseconds)
}

/// The time in a unit that is known, if `unit` is one that people use.
fn instead_of(number: &str, unit: &str) -> Option<String> {
    let (times, known) = match unit.to_lowercase().as_str() {
        "milli" | "millis" | "msec" | "msecs" | "millisecond" | "milliseconds" => (1, "ms"),
        "sec" | "secs" | "second" | "seconds" => (1, "s"),
        "mins" | "minute" | "minutes" => (1, "m"),
        "hr" | "hrs" | "hour" | "hours" => (1, "h"),
        "d" | "day" | "days" => (24, "h"),
        "w" | "week" | "weeks" => (7 * 24, "h"),
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    Some(format!("{}{known}", number.checked_mul(times)?))
}

/// Multiplies a decimal number without a detour over floats.
fn scaled(number: &str, nanoseconds: u128) -> Result<Duration, Wrong> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(Wrong::NotATime);
    }
    let whole: u128 = whole.parse().map_err(|_| Wrong::TooLong)?;
    let mut total = whole.checked_mul(nanoseconds).ok_or(Wrong::TooLong)?;
    let mut place = nanoseconds;
    for digit in fraction.bytes() {
        place /= 10;
        total += u128::from(digit - b'0') * place;
    }
    if total == 0 {
        return Err(Wrong::NotPositive);
    }
    let seconds = u64::try_from(total / NANOSECONDS_PER_SECOND).map_err(|_| Wrong::TooLong)?;
    let rest = u32::try_from(total % NANOSECONDS_PER_SECOND).map_err(|_| Wrong::TooLong)?;
    Ok(Duration::new(seconds, rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Wrong, literal};

    #[test]
    fn literals_are_read() {
        for (text, expected) in [
            ("1", Duration::from_secs(1)),
            ("0.5", Duration::from_millis(500)),
            ("1.0", Duration::from_secs(1)),
            ("\"250ms\"", Duration::from_millis(250)),
            ("\"1.5s\"", Duration::from_millis(1500)),
            ("\"2m\"", Duration::from_secs(120)),
            ("\"5min\"", Duration::from_secs(300)),
            ("\"1h\"", Duration::from_secs(3600)),
            ("\"10us\"", Duration::from_micros(10)),
        ] {
            let parsed = syn::parse_str(text).expect(text);
            assert_eq!(literal(&parsed), Ok(expected), "{text}");
        }
    }

    fn no_unit(unit: &str, instead: Option<&str>) -> Wrong {
        Wrong::NotAUnit(unit.to_owned(), instead.map(str::to_owned))
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (text, wrong) in [
            ("0", Wrong::NotPositive),
            ("0.0", Wrong::NotPositive),
            ("\"0s\"", Wrong::NotPositive),
            ("\"-1s\"", Wrong::NotPositive),
            ("\"soon\"", Wrong::NotATime),
            ("\"1.2.3s\"", Wrong::NotATime),
            ("\"5\"", Wrong::NotATime),
            ("\"\"", Wrong::NotATime),
            ("\"s\"", Wrong::NotATime),
            ("\"5 s s\"", Wrong::NotATime),
            ("\"1d\"", no_unit("d", Some("24h"))),
            ("\"1w\"", no_unit("w", Some("168h"))),
            ("\"2 days\"", no_unit("days", Some("48h"))),
            ("\"1.5d\"", no_unit("d", None)),
            ("\"3fortnights\"", no_unit("fortnights", None)),
            ("true", Wrong::NotATime),
            ("5s", Wrong::NotATime),
            (
                "\"99999999999999999999999999999999999999999h\"",
                Wrong::TooLong,
            ),
        ] {
            let parsed = syn::parse_str(text).expect(text);
            assert_eq!(literal(&parsed), Err(wrong), "{text}");
        }
    }
}
