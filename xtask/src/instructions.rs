//! Counts the instructions of a publish, and holds them to a budget.
//!
//! A count differs little from run to run and from machine to machine, so CI can tell a slower publish where a
//! clock could not. It is not time: a cache line from the other core costs one instruction.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::step::{Step, now};
use crate::workspace;

/// What a shape may cost, and of what.
struct Budget {
    /// As the program `instructions` calls it.
    shape: &'static str,
    what: &'static str,
    /// Instructions per publish, counted when the budget was last set.
    counted: u64,
}

/// The budgets. Who makes a publish dearer raises them here, and says why in the commit; who makes it cheaper lowers them.
#[rustfmt::skip]
const BUDGETS: [Budget; 6] = [
    Budget { shape: "outside", what: "outside of any bus", counted: 23 },
    Budget { shape: "nobody", what: "nobody hears", counted: 126 },
    Budget { shape: "one", what: "1→1, many at once", counted: 331 },
    Budget { shape: "sixteen", what: "1→16, many at once", counted: 785 },
    Budget { shape: "lone one", what: "1→1, one at a time", counted: 4760 },
    Budget { shape: "lone sixteen", what: "1→16, one at a time", counted: 11300 },
];

/// How much more than counted is within the budget, in percent.
///
/// The allocator and `memcpy` belong to the system's libc, and each compiler makes its own code: both differ by
/// some percent from machine to machine.
const SLACK_PERCENT: u64 = 15;

/// Signals that are counted; what one run does beside publishing is the same without them.
const SIGNALS: u64 = 5_000;

const NO_VALGRIND: &str = "\
valgrind is not installed, which counts instructions
  on Debian and Ubuntu: sudo apt-get install valgrind
  on Fedora: sudo dnf install valgrind";

/// What a shape has cost, and what it may.
pub(crate) struct Counted {
    pub(crate) what: &'static str,
    pub(crate) counted: u64,
    pub(crate) limit: u64,
}

/// Counts every shape, and fails when one is over its budget.
pub(crate) fn check() -> Result<(), Failure> {
    verdict_of(&count_all()?)
}

/// Counts every shape; none where the budgets are not for.
pub(crate) fn count_all() -> Result<Vec<Counted>, Failure> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("==> instructions: skipped, the budgets are for x86-64 Linux");
        return Ok(Vec::new());
    }
    let build = "build --release --package instructions";
    Step::cargo("build instructions", build).run()?;
    println!("==> instructions: cargo xtask instructions");
    let start = now();
    let program = program()?;
    let mut all = Vec::new();
    for budget in &BUDGETS {
        let counted = per_publish(&program, budget.shape)?;
        println!("    {}", line(budget, counted));
        all.push(Counted {
            what: budget.what,
            counted,
            limit: limit(budget),
        });
    }
    println!(
        "    instructions took {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(all)
}

/// Fails when a shape is over its budget.
pub(crate) fn verdict_of(all: &[Counted]) -> Result<(), Failure> {
    let counts: Vec<u64> = all.iter().map(|one| one.counted).collect();
    match verdict(&counts) {
        None => Ok(()),
        Some(reason) => Err(Failure::missing(reason)),
    }
}

/// Returns where cargo puts what it builds for release, beside what it builds for development.
fn program() -> Result<PathBuf, Failure> {
    let folder = workspace::output_folder()?.with_file_name("release");
    Ok(folder.join("instructions"))
}

fn per_publish(program: &Path, shape: &str) -> Result<u64, Failure> {
    let without = count(program, shape, 0)?;
    let with = count(program, shape, SIGNALS)?;
    Ok(with.saturating_sub(without) / SIGNALS)
}

/// Returns the instructions of a whole run.
fn count(program: &Path, shape: &str, signals: u64) -> Result<u64, Failure> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(program).args([shape, &signals.to_string()]);
    let output = command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::missing(NO_VALGRIND.to_owned()),
        _ => Failure::missing(format!("cannot run valgrind: {error}")),
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = collected(&said).filter(|_| output.status.success());
    collected
        .ok_or_else(|| Failure::missing(format!("valgrind has counted nothing; it says:\n{said}")))
}

/// Reads the line `==1== Collected : 123` of what valgrind says.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

fn limit(budget: &Budget) -> u64 {
    budget.counted * (100 + SLACK_PERCENT) / 100
}

fn line(budget: &Budget, counted: u64) -> String {
    let (what, limit) = (budget.what, limit(budget));
    format!("{what:<20} {counted:>6} instructions per publish, budget {limit:>6}")
}

/// Returns what to say if a count is over its budget.
fn verdict(counts: &[u64]) -> Option<String> {
    let pairs = || BUDGETS.iter().zip(counts.iter().copied());
    let over: Vec<String> = pairs()
        .filter(|(budget, counted)| limit(budget) < *counted)
        .map(|(budget, counted)| {
            let more = counted - limit(budget);
            let percent = counted * 100 / budget.counted - 100;
            let (what, before) = (budget.what, budget.counted);
            format!("- {what}: {more} over the budget; {counted}, was {before}, {percent} % more")
        })
        .collect();
    if over.is_empty() {
        return None;
    }
    let table: Vec<String> = pairs()
        .map(|(Budget { shape, what, .. }, counted)| {
            format!("    Budget {{ shape: {shape:?}, what: {what:?}, counted: {counted} }},")
        })
        .collect();
    Some(format!(
        "a publish takes more instructions than its budget\n{}\n\
         make it cheaper; or, if it is worth that, say so in the commit and write into `BUDGETS` in xtask/src/instructions.rs:\n{}",
        over.join("\n"),
        table.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::{BUDGETS, collected, limit, verdict};

    #[test]
    fn what_valgrind_has_collected_is_read() {
        let said = "==7== Events    : Ir\n==7== Collected : 1325194\n==7== \n";
        assert_eq!(collected(said), Some(1_325_194));
        assert_eq!(collected("no such tool"), None);
    }

    #[test]
    fn a_count_over_its_budget_is_told_with_the_table_to_write() {
        let mut counts: Vec<u64> = BUDGETS.iter().map(limit).collect();
        assert_eq!(verdict(&counts), None);
        counts[1] += 7;
        let said = verdict(&counts).expect("one is over its budget");
        let told = format!("- {}: 7 over the budget", BUDGETS[1].what);
        assert!(said.contains(&told), "{said}");
        let row = format!("counted: {} }},", counts[1]);
        assert!(said.contains(&row), "{said}");
        assert!(!said.contains(&format!("- {}:", BUDGETS[0].what)), "{said}");
    }
}
