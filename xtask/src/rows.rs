//! Everything that has a goal, and what was measured of it.

use crate::goal::{Goal, Limit};
use crate::results::{Contestant, Results};

/// This bus.
const OURS: &str = "signal-bus";

/// Peers that are more than a channel.
const FRAMEWORKS: [&str; 5] = ["kameo", "jaeb", "jaeb sync", "RustStream", "tokio-events"];

/// The one of them that has no queue: a publish calls the handlers, which nothing that waits for a reader can be ahead of where
/// signals come one at a time.
const PLAIN_CALLS: &str = "jaeb sync";

const BEST_CHANNEL: &str = "the best channel";

/// Everything that was measured.
pub(crate) struct Measured {
    pub(crate) peers: Results,
    pub(crate) alone: Results,
    pub(crate) ancestors: Results,
    /// Tables and lines that other commands print.
    pub(crate) growth: String,
    pub(crate) start: String,
    pub(crate) compile: String,
    pub(crate) scale: String,
}

/// The goals, in the order of the page.
pub(crate) fn goals(measured: &Measured) -> Vec<Goal> {
    let mut goals = Vec::new();
    let peers = &measured.peers;
    for (runtime, threads) in [("current", "one thread"), ("multi", "two threads")] {
        let mut ratio = |kind: &str, who: &str, limit| {
            let shape = format!("{kind} {who} u64 {runtime}");
            let what = format!("{kind} {who}, {threads}");
            let measured = best(peers, &shape, is_channel);
            goals.push(Goal::new(what, BEST_CHANNEL, limit, measured));
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
    // What a signal carries is made anew for each: of 1 KiB that is most of what a delivery takes.
    for (payload, limit) in [
        ("64 B", Limit::AtLeast(2.5, 5.0)),
        ("1 KiB in an Arc", Limit::Told("times")),
    ] {
        for (runtime, threads) in [("current", "one thread"), ("multi", "two threads")] {
            let shape = format!("throughput 1→16 {payload} {runtime}");
            let what = format!("throughput 1→16, {payload}, {threads}");
            let measured = best(peers, &shape, is_channel);
            goals.push(Goal::new(what, BEST_CHANNEL, limit, measured));
        }
    }
    for who in ["1→16", "1→100", "1→1000"] {
        let shape = format!("throughput {who} u64 current");
        goals.push(Goal::new(
            format!("throughput {who}, one thread"),
            "tokio broadcast, which loses",
            Limit::AtLeast(4.0, 8.0),
            best(peers, &shape, |one| one.name == "tokio broadcast"),
        ));
    }
    for name in FRAMEWORKS {
        let shapes = peers.shapes.iter().map(|shape| shape.name.as_str());
        let ratios = shapes.filter_map(|shape| best(peers, shape, |one| one.name == name));
        let limit = match name {
            PLAIN_CALLS => Limit::Told("times"),
            _ => Limit::AtLeast(1.0, 5.0),
        };
        let what = "each shape, the worst of them";
        goals.push(Goal::new(what, name, limit, ratios.reduce(f64::min)));
    }
    ancestors(measured, &mut goals);
    alone(measured, &mut goals);
    many(measured, &mut goals);
    goals
}

/// Against the Python packages.
fn ancestors(measured: &Measured, goals: &mut Vec<Goal>) {
    let ratio = |who: &str, name: &str| {
        let shape = format!("throughput {who} u64 current");
        let theirs = measured.ancestors.figure(&shape, name)?;
        Some(theirs / measured.peers.figure(&shape, OURS)?)
    };
    let sizes = ["1→1", "1→10", "1→100"];
    for (who, aim) in sizes.into_iter().zip([100.0, 1000.0, 1000.0]) {
        goals.push(Goal::new(
            format!("{who}, CPU time of a delivery"),
            "asyncio-signal-bus",
            Limit::AtLeast(100.0, aim),
            ratio(who, "asyncio-signal-bus"),
        ));
    }
    let names = measured.ancestors.contestants.iter().map(|one| &one.name);
    let all = names.flat_map(|name| sizes.map(|who| ratio(who, name)));
    goals.push(Goal::new(
        "the same, the worst of all",
        "all Python packages, plain calls as well",
        Limit::AtLeast(1.0, 10.0),
        all.flatten().reduce(f64::min),
    ));
}

/// Adds what has no peer.
fn pusher(goals: &mut Vec<Goal>) -> impl FnMut(&str, Limit, Option<f64>) {
    |what, limit, measured| goals.push(Goal::new(what, "–", limit, measured))
}

/// What a publish costs.
fn alone(measured: &Measured, goals: &mut Vec<Goal>) {
    let call = |shape: &str, name: &str| measured.alone.figure(shape, name);
    let over_plain = |name: &str| {
        let plain = call("call current", "plain function")?;
        Some((call("call current", name)? - plain).max(0.0))
    };
    let mut push = pusher(goals);
    push(
        "a publish that nobody hears, over a plain call",
        Limit::AtMost(10.0, 4.0, "ns"),
        over_plain("annotated, nobody hears it"),
    );
    push(
        "the same, from a task of no bus",
        Limit::Told("ns"),
        over_plain("annotated, nobody hears it, task of no bus"),
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
    let listeners = |name: &str| {
        let one = call("growth current", "1 listener")?;
        Some(call("growth current", name)? / one)
    };
    for (what, name) in [
        (
            "the same by hand, 16 listeners instead of 1",
            "16 listeners",
        ),
        (
            "the same by hand, 10,000 listeners instead of 1",
            "10,000 listeners",
        ),
    ] {
        push(what, Limit::Told("times"), listeners(name));
    }
}

/// What it takes to start, to find, to hold and to close many, and to compile.
fn many(measured: &Measured, goals: &mut Vec<Goal>) {
    let route = |name: &str| measured.alone.figure("routes current", name);
    let mut push = pusher(goals);
    let starts = ["one thread", "a thread per core"].map(|row| cell(&measured.start, row, 1));
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
        route("who hears it"),
    );
    push(
        "a first publish on one of those, and its reader",
        Limit::Told("ns"),
        route("a publish on it, and its reader"),
    );
    push(
        "an idle listener that was never called, its task included",
        Limit::AtMost(1536.0, 600.0, "B"),
        before(&measured.scale, " B called"),
    );
    push(
        "the same after a call, with its topic",
        Limit::Told("B"),
        before(&measured.scale, " B after a call"),
    );
    push(
        "close of 100,000 idle subscriptions",
        Limit::AtMost(200.0, 200.0, "ms"),
        after(&measured.scale, "idle ones, closed in "),
    );
    push(
        "close of 100,000 listeners at each of which three signals wait",
        Limit::Told("ms"),
        after(&measured.scale, "signals to handle, in "),
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
    let ours = results.figure(shape, OURS)?;
    let peers = results.peers().iter().filter(|one| is(one));
    let theirs = peers.filter_map(|one| results.figure(shape, &one.name));
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

#[cfg(test)]
mod tests {
    use super::{Measured, after, before, best, cell, goals, is_channel};
    use crate::goal::{Goal, Verdict};
    use crate::results::{Results, tests::sample};

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
