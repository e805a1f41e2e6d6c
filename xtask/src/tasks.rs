//! What each command does, step by step.

use crate::examples;
use crate::failure::Failure;
use crate::instructions;
use crate::neighbours;
use crate::step::{Step, now};
use crate::workspace;

/// Whether a check runs the tests, or leaves them to a call of `test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tests {
    Run,
    Skip,
}

/// Builds and runs all tests; `arguments` go to `cargo test`.
pub(crate) fn test(arguments: &[String]) -> Result<(), Failure> {
    let start = now();
    run_tests(arguments)?;
    println!("xtask test: done in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Runs what CI runs, and stops at the first step that fails.
pub(crate) fn check(tests: Tests) -> Result<(), Failure> {
    let start = now();
    Step::cargo("format", "fmt --all --check").run()?;
    lint()?;
    Step::cargo(
        "document",
        "doc --workspace --no-deps --all-features --document-private-items",
    )
    .with_variable("RUSTDOCFLAGS", "-D warnings")
    .run()?;
    if tests == Tests::Run {
        run_tests(&[])?;
    }
    examples::run_all()?;
    instructions::check()?;
    println!(
        "xtask check: done in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Runs the models of the engine in every order of their steps; `arguments` go to the test program.
///
/// They are compiled in a folder of their own, since the flag is for every crate below, and optimized, since each is run tens of
/// thousands of times. That takes too long for a part of `check`.
pub(crate) fn run_models(arguments: &[String]) -> Result<(), Failure> {
    let line = "test --package signal-bus --no-default-features --lib --target-dir target/loom -- models::";
    Step::cargo("run models", line)
        .with_arguments(arguments)
        .with_variable("RUSTFLAGS", "--cfg loom")
        .with_variable("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .run()
}

/// Lets the tests of compiler messages rewrite what they expect.
pub(crate) fn rewrite_messages() -> Result<(), Failure> {
    Step::cargo(
        "rewrite messages",
        "test --package signal-bus-tests --test ui",
    )
    .with_variable("TRYBUILD", "overwrite")
    .run()
}

/// Lets the tests of expansions rewrite what they expect.
pub(crate) fn rewrite_expansions() -> Result<(), Failure> {
    Step::cargo("rewrite expansions", "test --package signal-bus-macros")
        .with_variable("UPDATE_SNAPSHOTS", "1")
        .run()
}

fn run_tests(arguments: &[String]) -> Result<(), Failure> {
    // Who runs some of the tests need not have what the others want; those say it themselves.
    if arguments.is_empty() {
        neighbours::set_up()?;
    }
    // Built first, so that a slow compiler is not mistaken for a slow test.
    Step::cargo("build tests", "test --workspace --all-features --no-run").run()?;
    // All of them, also after one that fails: CI shall show everything that is broken.
    Step::cargo(
        "run tests",
        "test --workspace --all-features --no-fail-fast",
    )
    .with_arguments(arguments)
    .run()
}

fn lint() -> Result<(), Failure> {
    let strict = ["--", "-D", "warnings"];
    Step::cargo("lint", "clippy --workspace --all-targets --all-features")
        .with_arguments(&strict)
        .run()?;
    // Features only add: each compiles alone, and none is needed.
    let bare = "clippy --package signal-bus --no-default-features";
    Step::cargo("lint without features", bare)
        .with_arguments(&strict)
        .run()?;
    // NATS is not there unasked.
    let gateway = "clippy --package signal-bus-gateway --all-targets";
    Step::cargo("lint the gateway without features", gateway)
        .with_arguments(&strict)
        .run()?;
    for feature in workspace::features()? {
        Step::cargo(&format!("lint with feature {feature} alone"), bare)
            .with_arguments(&["--features", &feature])
            .with_arguments(&strict)
            .run()?;
    }
    Ok(())
}
