//! What this bus is to reach, each goal beside what was measured: all of it by one command.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::instructions::{self, Counted};
use crate::picture::figure;
use crate::results::{Contestant, Results, Shape};
use crate::step::Step;
use crate::{compile_cost, growth, start_cost, workspace};

/// Peers that are more than a channel.
const FRAMEWORKS: [&str; 5] = ["kameo", "jaeb", "jaeb sync", "RustStream", "tokio-events"];

/// Turns of the benchmarks and of the Python packages.
const TURNS: &str = "5";

/// Everything that was measured.
struct Measured {
    peers: Results,
    alone: Results,
    ancestors: Results,
    /// Tables and lines that other commands print.
    growth: String,
    start: String,
    compile: String,
    scale: String,
}

/// A line of the page.
struct Goal {
    what: String,
    against: String,
    limit: Limit,
    /// Nothing if it was not measured, which is no goal that was reached.
    measured: Option<f64>,
}

/// What a figure has to be, and what it shall be.
#[derive(Clone, Copy)]
enum Limit {
    /// So many times as fast as another one.
    AtLeast(f64, f64),
    /// So many of a unit.
    AtMost(f64, f64, &'static str),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Aim,
    Reached,
    Missed,
}

/// Measures everything, and writes `docs/goals.md`; fails if a goal is missed.
pub(crate) fn check() -> Result<(), Failure> {
    println!("xtask goals: takes half an hour, on a machine that does nothing else");
    // First what may be missing on this machine, and is told at once.
    let counted = instructions::count_all()?;
    let measured = measure()?;
    let goals = goals(&measured);
    let page = page(&measured.peers.run, &goals, &counted);
    let path = workspace::root().join("docs/goals.md");
    fs::write(&path, &page)
        .map_err(|error| Failure::missing(format!("cannot write {}: {error}", path.display())))?;
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

fn measure() -> Result<Measured, Failure> {
    let target = workspace::root().join("target");
    // First what other work disturbs most.
    let bench = format!("bench --quiet --package benches --features frameworks -- --turns {TURNS}");
    Step::cargo("benchmarks", &bench).run()?;
    let python = Step::program("Python packages", Path::new("python3"), "python3");
    let python = python.with_arguments(&["benches/ancestors.py", "--turns", TURNS]);
    let ancestors = Results::parse(&python.output()?).map_err(Failure::missing)?;
    let growth = growth::measure()?;
    let start = start_cost::measure()?;
    let scale = "test --quiet --release --package signal-bus-tests --all-features --test scale -- idle_subscription \
                 --nocapture --test-threads 1";
    Ok(Measured {
        peers: Results::read(&target.join("benchmarks.jsonl"))?,
        alone: Results::read(&target.join("benchmarks-alone.jsonl"))?,
        ancestors,
        growth,
        start,
        scale: Step::cargo("idle subscriptions", scale).output()?,
        compile: compile_cost::measure()?,
    })
}

/// The goals, in the order of the page.
fn goals(measured: &Measured) -> Vec<Goal> {
    let mut goals = Vec::new();
    let peers = &measured.peers;
    for (runtime, threads) in [("current", "one thread"), ("multi", "two threads")] {
        let mut ratio = |kind: &str, who: &str, limit| {
            let shape = format!("{kind} {who} u64 {runtime}");
            goals.push(Goal {
                what: format!("{kind} {who}, {threads}"),
                against: "the best channel".to_owned(),
                limit,
                measured: best(peers, &shape, is_channel),
            });
        };
        ratio("throughput", "1→1", Limit::AtLeast(1.0, 1.5));
        for who in ["1→16", "1→100", "1→1000"] {
            ratio("throughput", who, Limit::AtLeast(2.5, 5.0));
        }
        ratio("throughput", "4→4", Limit::AtLeast(2.0, 4.0));
        ratio("one at a time", "1→1", Limit::AtLeast(1.0, 1.3));
        ratio("one at a time", "1→16", Limit::AtLeast(1.5, 4.0));
        ratio("one at a time", "1→100", Limit::AtLeast(2.0, 8.0));
    }
    for who in ["1→16", "1→100", "1→1000"] {
        let shape = format!("throughput {who} u64 current");
        goals.push(Goal {
            what: format!("throughput {who}, one thread"),
            against: "tokio broadcast, which loses".to_owned(),
            limit: Limit::AtLeast(4.0, 8.0),
            measured: best(peers, &shape, |one| one.name == "tokio broadcast"),
        });
    }
    for name in FRAMEWORKS {
        let shapes = peers.shapes.iter().map(|shape| shape.name.as_str());
        let ratios = shapes.filter_map(|shape| best(peers, shape, |one| one.name == name));
        goals.push(Goal {
            what: "each shape, the worst of them".to_owned(),
            against: name.to_owned(),
            limit: Limit::AtLeast(1.0, 5.0),
            measured: ratios.reduce(f64::min),
        });
    }
    ancestors(measured, &mut goals);
    alone(measured, &mut goals);
    goals
}

/// Against the Python packages.
fn ancestors(measured: &Measured, goals: &mut Vec<Goal>) {
    let ratio = |who: &str, name: &str| {
        let shape = Shape {
            name: format!("throughput {who} u64 current"),
        };
        let contestants = measured.ancestors.contestants.iter();
        let contestant = contestants.into_iter().find(|one| one.name == name)?;
        let theirs = measured.ancestors.nanoseconds(&shape, contestant)?;
        Some(theirs / measured.peers.ours(&shape)?)
    };
    let sizes = ["1→1", "1→10", "1→100"];
    for (who, aim) in sizes.into_iter().zip([100.0, 1000.0, 1000.0]) {
        goals.push(Goal {
            what: format!("{who}, CPU time of a delivery"),
            against: "asyncio-signal-bus".to_owned(),
            limit: Limit::AtLeast(100.0, aim),
            measured: ratio(who, "asyncio-signal-bus"),
        });
    }
    let names = measured.ancestors.contestants.iter().map(|one| &one.name);
    let all = names.flat_map(|name| sizes.map(|who| ratio(who, name)));
    goals.push(Goal {
        what: "the same, the worst of all".to_owned(),
        against: "all Python packages, plain calls as well".to_owned(),
        limit: Limit::AtLeast(1.0, 10.0),
        measured: all.flatten().reduce(f64::min),
    });
}

/// What has no peer.
fn alone(measured: &Measured, goals: &mut Vec<Goal>) {
    let call = |shape: &str, name: &str| {
        let mut contestants = measured.alone.contestants.iter();
        let contestant = contestants.find(|one| one.name == name)?;
        let name = shape.to_owned();
        measured.alone.nanoseconds(&Shape { name }, contestant)
    };
    let over_plain = |name: &str| {
        let plain = call("call current", "plain function")?;
        Some((call("call current", name)? - plain).max(0.0))
    };
    let starts = ["one thread", "a thread per core"].map(|row| cell(&measured.start, row, 1));
    let mut push = |what: &str, limit, measured| {
        let (what, against) = (what.to_owned(), "–".to_owned());
        goals.push(Goal {
            what,
            against,
            limit,
            measured,
        });
    };
    push(
        "a publish that nobody hears, over a plain call",
        Limit::AtMost(10.0, 4.0, "ns"),
        over_plain("annotated, nobody hears it"),
    );
    push(
        "an annotated function where no bus runs, over a plain call",
        Limit::AtMost(5.0, 5.0, "ns"),
        over_plain("annotated, no bus runs"),
    );
    push(
        "cost of a publish, 16 subscribers instead of 1",
        Limit::AtMost(4.0, 2.0, "times"),
        cell(&measured.growth, "16", 2),
    );
    push(
        "cost of a publish, 10,000 subscribers instead of 1",
        Limit::AtMost(4000.0, 1500.0, "times"),
        cell(&measured.growth, "10000", 2),
    );
    push(
        "first start of a process with 10,000 functions",
        Limit::AtMost(50.0, 10.0, "ms"),
        starts
            .into_iter()
            .collect::<Option<Vec<f64>>>()
            .and_then(|starts| starts.into_iter().reduce(f64::max)),
    );
    push(
        "who hears a topic, of 1,000,000, each once, among 100,000 patterns",
        Limit::AtMost(1000.0, 300.0, "ns"),
        call("routes current", "who hears it"),
    );
    push(
        "an idle listener, its task included",
        Limit::AtMost(1536.0, 600.0, "B"),
        before(&measured.scale, " B called"),
    );
    push(
        "close of 100,000 idle subscriptions",
        Limit::AtMost(200.0, 200.0, "ms"),
        after(&measured.scale, "idle ones, closed in "),
    );
    for (row, what) in [("`u64`", "one type"), ("a type each", "a type each")] {
        push(
            &format!("to compile 300 pairs of {what}, instead of channels by hand"),
            Limit::AtMost(1.0, 0.5, "times"),
            cell(&measured.compile, row, 3),
        );
    }
}

/// Whether it is a channel that loses nothing.
fn is_channel(contestant: &Contestant) -> bool {
    !contestant.lossy && !FRAMEWORKS.contains(&contestant.name.as_str())
}

/// How many times as long the fastest of some takes as this bus.
fn best(results: &Results, shape: &str, is: impl Fn(&Contestant) -> bool) -> Option<f64> {
    let shape = Shape {
        name: shape.to_owned(),
    };
    let ours = results.ours(&shape)?;
    let peers = results.peers().iter().filter(|one| is(one));
    let theirs = peers.filter_map(|one| results.nanoseconds(&shape, one));
    Some(theirs.reduce(f64::min)? / ours)
}

/// The number in a column of the row of a table.
fn cell(table: &str, row: &str, column: usize) -> Option<f64> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_matches('|');
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut rows = table.lines().map(cells);
    let found = rows.find(|cells| cells[0] == row)?;
    found.get(column)?.parse().ok()
}

/// The number before some words.
fn before(text: &str, words: &str) -> Option<f64> {
    let (number, _) = text.split_once(words)?;
    number.rsplit(' ').next()?.parse().ok()
}

/// The number behind some words.
fn after(text: &str, words: &str) -> Option<f64> {
    let (_, number) = text.split_once(words)?;
    number.split_whitespace().next()?.parse().ok()
}

impl Goal {
    fn verdict(&self) -> Verdict {
        let (is_reached, is_aim) = match (self.limit, self.measured) {
            (_, None) => (false, false),
            (Limit::AtLeast(least, aim), Some(figure)) => (least <= figure, aim <= figure),
            (Limit::AtMost(most, aim, _), Some(figure)) => (figure <= most, figure <= aim),
        };
        match (is_reached, is_aim) {
            (true, true) => Verdict::Aim,
            (true, false) => Verdict::Reached,
            (false, _) => Verdict::Missed,
        }
    }

    fn line(&self) -> String {
        let Self { what, against, .. } = self;
        let (goal, aim, unit) = match self.limit {
            Limit::AtLeast(least, aim) => (least, aim, "times"),
            Limit::AtMost(most, aim, unit) => (most, aim, unit),
        };
        let sign = match self.limit {
            Limit::AtLeast(..) => "≥",
            Limit::AtMost(..) => "≤",
        };
        let measured = match self.measured {
            // A goal that is just missed must not look like one that is just reached.
            Some(number) if number < 10.0 => format!("{number:.2} {unit}"),
            Some(number) if number < 1000.0 => format!("{number:.1} {unit}"),
            Some(number) => format!("{} {unit}", figure(number)),
            None => "not measured".to_owned(),
        };
        let verdict = match self.verdict() {
            Verdict::Aim => "aim",
            Verdict::Reached => "reached",
            Verdict::Missed => "**missed**",
        };
        let (goal, aim) = (figure(goal), figure(aim));
        format!("| {what} | {against} | {sign} {goal} | {aim} | {measured} | {verdict} |\n")
    }
}

fn page(run: &[String], goals: &[Goal], counted: &[Counted]) -> String {
    let mut page = format!(
        "# Goals\n\n\
         What this bus is to reach at least, what it aims at, and what was measured: {}. \"Times\" is how many times as long the other \
         one takes.\nWho takes part and how stands in [benches/README.md](../benches/README.md). `cargo xtask goals` measures all of it \
         again, in half an hour,\nand writes this page.\n\n\
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

#[cfg(test)]
mod tests {
    use super::{Goal, Limit, Measured, Verdict, after, before, best, cell, goals, is_channel};
    use crate::results::{Results, tests::sample};

    fn goal(limit: Limit, measured: Option<f64>) -> Goal {
        let (what, against) = ("a".to_owned(), "b".to_owned());
        Goal {
            what,
            against,
            limit,
            measured,
        }
    }

    #[test]
    fn a_figure_is_held_to_its_goal_and_its_aim() {
        let ratio = |figure| goal(Limit::AtLeast(1.5, 4.0), figure);
        assert_eq!(ratio(Some(4.0)).verdict(), Verdict::Aim);
        assert_eq!(ratio(Some(1.5)).verdict(), Verdict::Reached);
        assert_eq!(ratio(Some(1.49)).verdict(), Verdict::Missed);
        assert_eq!(ratio(None).verdict(), Verdict::Missed);
        let cost = |figure| goal(Limit::AtMost(10.0, 4.0, "ns"), figure);
        assert_eq!(cost(Some(4.0)).verdict(), Verdict::Aim);
        assert_eq!(cost(Some(10.0)).verdict(), Verdict::Reached);
        assert_eq!(cost(Some(10.1)).verdict(), Verdict::Missed);
        assert_eq!(
            cost(Some(3.456)).line(),
            "| a | b | ≤ 10 | 4.0 | 3.46 ns | aim |\n"
        );
        assert_eq!(
            cost(Some(10.3)).line(),
            "| a | b | ≤ 10 | 4.0 | 10.3 ns | **missed** |\n"
        );
        assert_eq!(
            ratio(None).line(),
            "| a | b | ≥ 1.5 | 4.0 | not measured | **missed** |\n"
        );
    }

    #[test]
    fn the_best_of_those_who_lose_nothing_is_who_counts() {
        let shape = "throughput 1→16 u64 current";
        assert_eq!(best(&sample(), shape, is_channel), Some(0.5));
        let broadcast = best(&sample(), shape, |one| one.name == "tokio broadcast");
        assert_eq!(broadcast, Some(12.5));
        assert_eq!(best(&sample(), "no such shape", is_channel), None);
    }

    #[test]
    fn figures_are_found_where_they_are_printed() {
        let table = "said\n| ms | first |\n|---|--:|\n| one thread | 42.5 | 7 |\n";
        assert_eq!(cell(table, "one thread", 1), Some(42.5));
        assert_eq!(cell(table, "two threads", 1), None);
        assert_eq!(cell(table, "one thread", 3), None);
        assert_eq!(
            before("968 B read, 1534 B called (0 B)", " B called"),
            Some(1534.0)
        );
        assert_eq!(
            after("7 idle ones, closed in 52 ms\n", "closed in "),
            Some(52.0)
        );
        assert_eq!(after("7 idle ones", "closed in "), None);
    }

    #[test]
    fn what_was_not_measured_is_missed() {
        let none = Measured {
            peers: Results::default(),
            alone: Results::default(),
            ancestors: Results::default(),
            growth: String::new(),
            start: String::new(),
            compile: String::new(),
            scale: String::new(),
        };
        let goals = goals(&none);
        assert!(30 < goals.len());
        let mut verdicts = goals.iter().map(Goal::verdict);
        assert!(verdicts.all(|verdict| verdict == Verdict::Missed));
    }
}
