//! What this bus is to reach, each goal beside what was measured: all of it by one command.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::generated::{self, put};
use crate::goal::{Goal, Verdict};
use crate::instructions::{self, Counted};
use crate::results::Results;
use crate::rows::{Measured, goals};
use crate::step::Step;
use crate::{compile_cost, growth, start_cost, workspace};

/// What is kept of each measurement.
const ANCESTORS: &str = "ancestors.jsonl";
const GROWTH: &str = "growth.txt";
const START: &str = "start.txt";
const SCALE: &str = "scale.txt";
const COMPILE: &str = "compile.txt";

/// Turns of the benchmarks and of the Python packages.
const TURNS: &str = "5";

/// Whether figures are measured, or those taken that were measured last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figures {
    New,
    Last,
}

/// Measures everything, and writes `docs/goals.md`; fails if a goal is missed.
pub(crate) fn check(figures: Figures) -> Result<(), Failure> {
    // First what may be missing on this machine, and is told at once.
    let counted = instructions::count_all()?;
    if figures == Figures::New {
        println!("xtask goals: takes half an hour, on a machine that does nothing else");
        measure()?;
    }
    let measured = read()?;
    let goals = goals(&measured);
    let page = page(&measured.peers.run, &goals, &counted);
    let path = workspace::root().join("docs/goals.md");
    put(&path, &page)?;
    println!("\n{page}\nwrote docs/goals.md");
    instructions::verdict_of(&counted)?;
    let missed = goals
        .iter()
        .filter(|goal| goal.verdict() == Verdict::Missed);
    match missed.count() {
        0 => Ok(()),
        count => Err(Failure::missing(format!(
            "{count} of {} goals are missed",
            goals.len()
        ))),
    }
}

/// Measures all, and leaves what was measured below `target`.
fn measure() -> Result<(), Failure> {
    // First what other work disturbs most.
    let bench = format!("bench --quiet --package benches --features frameworks -- --turns {TURNS}");
    Step::cargo("benchmarks", &bench).run()?;
    let python = Step::program("Python packages", Path::new("python3"), "python3");
    let python = python.with_arguments(&["benches/ancestors.py", "--turns", TURNS]);
    keep(ANCESTORS, &python.output()?)?;
    keep(GROWTH, &growth::measure()?)?;
    keep(START, &start_cost::measure()?)?;
    let scale = "test --quiet --release --package signal-bus-tests --all-features --test scale -- idle_subscription \
                 a_close_handles --nocapture --test-threads 1";
    keep(
        SCALE,
        &Step::cargo("100,000 subscriptions", scale).output()?,
    )?;
    keep(COMPILE, &compile_cost::measure()?)
}

/// Where what a measurement has printed is kept.
fn kept(name: &str) -> PathBuf {
    workspace::root().join("target/goals").join(name)
}

fn keep(name: &str, text: &str) -> Result<(), Failure> {
    put(&kept(name), text)
}

/// Reads what was measured last.
fn read() -> Result<Measured, Failure> {
    let target = workspace::root().join("target");
    let text = |name| generated::read(&kept(name));
    Ok(Measured {
        peers: Results::read(&target.join("benchmarks.jsonl"))?,
        alone: Results::read(&target.join("benchmarks-alone.jsonl"))?,
        ancestors: Results::parse(&text(ANCESTORS)?).map_err(Failure::missing)?,
        growth: text(GROWTH)?,
        start: text(START)?,
        scale: text(SCALE)?,
        compile: text(COMPILE)?,
    })
}

fn page(run: &[String], goals: &[Goal], counted: &[Counted]) -> String {
    let mut page = format!(
        "# Goals\n\n\
         What this bus is to reach at least, what it aims at, and what was measured: {}. \"Times\" is how many times as long the other \
         one takes.\nWhat has no goal stands here so that nobody takes a goal beside it for more than it is. Who takes part and how stands in\n\
         [benches/README.md](../benches/README.md). `cargo xtask goals` measures all of it again, in half an hour, and writes this page.\n\n\
         | measure | against | goal | aim | measured | |\n|---|---|--:|--:|--:|---|\n",
        run.join(", ")
    );
    page.extend(goals.iter().map(Goal::line));
    page.push_str("\n## Instructions of a publish\n\n| | counted | budget |\n|---|--:|--:|\n");
    for one in counted {
        let (what, counted, limit) = (one.what, one.counted, one.limit);
        writeln!(page, "| {what} | {counted} | {limit} |").expect("a string takes all");
    }
    page
}
