//! What a contest has shown: a table for people, and lines of JSON for programs.

use serde_json::{Value, json};

use crate::caller::{Caller, Callers};
use crate::contest::Outcome;
use crate::shape::Shape;

/// The line of JSON that says when and where the others were measured.
#[must_use]
pub fn run() -> Value {
    let now = jiff::Timestamp::now().to_string();
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let rustc = env!("RUSTC_VERSION");
    json!({ "run": { "date": now[..10], "cpus": cpus, "rustc": rustc } })
}

/// One line of JSON a contestant.
#[must_use]
pub fn lines(shape: Shape, outcomes: &[Outcome]) -> Vec<Value> {
    let line = |outcome: &Outcome| {
        let (low, high) = outcome.figures.quartiles();
        json!({
            "shape": shape.to_string(),
            "contestant": outcome.contestant.name,
            "lossy": outcome.contestant.lossy,
            "median_ns": rounded(outcome.figures.median()),
            "quartiles_ns": [rounded(low), rounded(high)],
            "turns": outcome.figures.turns(),
        })
    };
    outcomes.iter().map(line).collect()
}

/// The figures of all, and how many times as fast as the others the first of them is.
#[must_use]
pub fn table(shape: Shape, outcomes: &[Outcome]) -> String {
    let ours = outcomes[0].figures.median();
    let mut text = format!("\n{shape}: ns, quartiles, times signal-bus\n");
    for outcome in outcomes {
        let (low, high) = outcome.figures.quartiles();
        let (name, median) = (outcome.contestant.name, outcome.figures.median());
        let lossy = if outcome.contestant.lossy {
            " (lossy)"
        } else {
            ""
        };
        text.push_str(&format!(
            "  {name:<16} {median:>9.1}  {low:>9.1} – {high:<9.1} {:>6.2}{lossy}\n",
            median / ours
        ));
    }
    let lossless = outcomes[1..].iter().filter(|one| !one.contestant.lossy);
    let best = lossless.min_by(|a, b| a.figures.median().total_cmp(&b.figures.median()));
    if let Some(best) = best {
        let ratio = best.figures.median() / ours;
        text.push_str(&format!(
            "  against the best lossless, {}: {ratio:.2}\n",
            best.contestant.name
        ));
    }
    text
}

/// One line of JSON a caller.
#[must_use]
pub fn call_lines(callers: &Callers) -> Vec<Value> {
    let line = |caller: &Caller| {
        let (low, high) = caller.figures.quartiles();
        json!({
            "shape": callers.shape,
            "contestant": caller.name,
            "lossy": false,
            "median_ns": rounded(caller.figures.median()),
            "quartiles_ns": [rounded(low), rounded(high)],
            "turns": caller.figures.turns(),
        })
    };
    callers.all.iter().map(line).collect()
}

/// The figures of all callers, and how each compares with the first.
#[must_use]
pub fn call_table(callers: &Callers) -> String {
    let first = callers.all[0].figures.median();
    let row = |caller: &Caller| {
        let (name, median) = (caller.name, caller.figures.median());
        let (low, high) = caller.figures.quartiles();
        let (more, times) = (median - first, median / first);
        format!(
            "  {name:<44} {median:>11.1}  {low:>11.1} – {high:<11.1} {more:>+11.1} {times:>8.2}\n"
        )
    };
    let rows: String = callers.all.iter().map(row).collect();
    format!(
        "\n{}: ns, quartiles, over the first, times the first\n{rows}",
        callers.title
    )
}

fn rounded(nanoseconds: f64) -> f64 {
    (nanoseconds * 10.0).round() / 10.0
}
