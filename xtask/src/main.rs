//! The workspace's own commands, started as `cargo xtask <command>`.

mod failure;
mod workspace;
mod step;
mod examples;
mod msrv;
mod instructions;
mod neighbours;
mod generated;
mod compile_cost;
mod start_cost;
mod growth;
mod results;
mod picture;
mod bench_picture;
mod goal;
mod rows;
mod goals;
mod tasks;

use std::process::ExitCode;

use crate::failure::Failure;
use crate::goals::Figures;
use crate::tasks::Tests;

const HELP: &str = "\
The workspace's own commands.

usage: cargo xtask <command>

commands:
  test [ARGS]           runs every test and doctest; ARGS go to `cargo test`;
                        without any, installs what the gateway's tests need
  check [--skip-tests]  runs what CI runs: format, lints, docs, tests, examples,
                        instructions
  ui                    rewrites the expected compiler messages
  expand-snapshots      rewrites the expected expansions of the attributes
  loom [ARGS]           runs the models of the engine in every order of their
                        steps; ARGS go to the test program: part of a name
  msrv                  compiles everything with the oldest supported toolchain
  instructions          counts the instructions of a publish, against their budget
  bench-picture         draws the figures in docs/benchmarks.jsonl, and tables them
  compile-cost          compares annotations with channels by hand: CPU time, size
  start-cost            starts a bus of 10,000 functions, and prints how long it takes
  growth                lets one publisher publish to 1, 16 and 10,000 subscribers
  goals [--again]       measures all of that and the benchmarks, in half an hour, and
                        holds it to the goals in docs/goals.md, which it writes;
                        --again takes the figures that the last run has left
  help                  shows this page
";

/// The commands that take nothing, or only what `run` has looked for before.
const COMMANDS_WITHOUT_ARGUMENTS: [&str; 10] = [
    "check",
    "ui",
    "expand-snapshots",
    "msrv",
    "instructions",
    "compile-cost",
    "start-cost",
    "bench-picture",
    "growth",
    "goals",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            failure.exit_code()
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Failure::usage("no command given".to_owned()));
    };
    if wants_help(arguments) {
        print!("{HELP}");
        return Ok(());
    }
    match (command.as_str(), rest) {
        ("test", _) => tasks::test(rest),
        ("check", []) => tasks::check(Tests::Run),
        ("check", [flag]) if flag == "--skip-tests" => tasks::check(Tests::Skip),
        ("ui", []) => tasks::rewrite_messages(),
        ("expand-snapshots", []) => tasks::rewrite_expansions(),
        ("loom", _) => tasks::run_models(rest),
        ("msrv", []) => msrv::check(),
        ("instructions", []) => instructions::check(),
        ("compile-cost", []) => compile_cost::measure().map(drop),
        ("start-cost", []) => start_cost::measure().map(drop),
        ("growth", []) => growth::measure().map(drop),
        ("goals", []) => goals::check(Figures::New),
        ("goals", [flag]) if flag == "--again" => goals::check(Figures::Last),
        ("bench-picture", []) => bench_picture::make(),
        (command, _) if COMMANDS_WITHOUT_ARGUMENTS.contains(&command) => {
            let extra = rest.join(" ");
            Err(Failure::usage(format!(
                "`{command}` does not take `{extra}`"
            )))
        }
        _ => Err(Failure::usage(format!("unknown command `{command}`"))),
    }
}

/// Tells whether help is asked of us; what follows `--` is for the test binaries.
fn wants_help(arguments: &[String]) -> bool {
    arguments[0] == "help"
        || arguments
            .iter()
            .take_while(|argument| *argument != "--")
            .any(|argument| argument == "--help" || argument == "-h")
}

#[cfg(test)]
mod tests {
    use super::{run, wants_help};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn an_unknown_command_is_refused_with_the_list() {
        let failure = run(&words("tset")).expect_err("there is no such command");
        let text = failure.to_string();
        assert!(text.starts_with("unknown command `tset`"), "{text}");
        assert!(text.contains("\n  check "), "{text}");
    }

    #[test]
    fn an_argument_that_a_command_does_not_take_is_refused() {
        let failure = run(&words("check --skip-test")).expect_err("the flag is misspelt");
        let text = failure.to_string();
        assert!(
            text.starts_with("`check` does not take `--skip-test`"),
            "{text}"
        );
    }

    #[test]
    fn help_is_ours_before_the_double_dash_only() {
        assert!(wants_help(&words("help")));
        assert!(wants_help(&words("test --help")));
        assert!(!wants_help(&words("test -- --help")));
    }
}
