//! What a benchmark has left: lines of JSON, one a shape and contestant.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;

/// The figures of one run, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// When and where, as words: `2026-11-21`, `2 CPUs`.
    pub(crate) run: Vec<String>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) contestants: Vec<Contestant>,
    nanoseconds: HashMap<(String, String), f64>,
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Its whole name, `throughput 1→16 u64 current`.
    pub(crate) name: String,
}

/// Who took part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contestant {
    pub(crate) name: String,
    /// Whether a subscriber may miss signals.
    pub(crate) lossy: bool,
}

impl Results {
    /// Reads a file; nothing if there is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            read => read.map_err(|error| format!("cannot read it: {error}")),
        };
        let parsed = text.and_then(|text| Self::parse(&text));
        parsed.map_err(|reason| Failure::missing(format!("{}: {reason}", path.display())))
    }

    /// Reads lines of JSON.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut results = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let value = serde_json::from_str(line).map_err(|error| error.to_string());
            let taken = value.and_then(|value| results.take(&value));
            taken.map_err(|reason| format!("line {number}: {reason}"))?;
        }
        Ok(results)
    }

    fn take(&mut self, line: &Value) -> Result<(), String> {
        if let Some(run) = line.get("run") {
            self.run.extend(words_of_run(run));
            return Ok(());
        }
        let text = |key: &str| {
            let text = line[key].as_str().map(str::to_owned);
            text.ok_or_else(|| format!("`{key}` is missing"))
        };
        let (shape, name) = (text("shape")?, text("contestant")?);
        let median = line["median_ns"].as_f64();
        let median = median.filter(|median| 0.0 < *median);
        let median = median.ok_or("`median_ns` is missing, or nothing")?;
        if self.nanoseconds.is_empty() {
            let turns = line["turns"].as_u64().unwrap_or_default();
            self.run.push(format!("medians of {turns} turns"));
        }
        let lossy = line["lossy"].as_bool().unwrap_or_default();
        let contestant = Contestant {
            name: name.clone(),
            lossy,
        };
        push_new(&mut self.contestants, contestant);
        let of = Shape {
            name: shape.clone(),
        };
        push_new(&mut self.shapes, of);
        self.nanoseconds.insert((shape, name), median);
        Ok(())
    }

    /// Returns how long a contestant takes, if it does such a thing.
    pub(crate) fn nanoseconds(&self, shape: &Shape, contestant: &Contestant) -> Option<f64> {
        self.figure(&shape.name, &contestant.name)
    }

    /// As [`nanoseconds`](Self::nanoseconds), by names.
    pub(crate) fn figure(&self, shape: &str, contestant: &str) -> Option<f64> {
        let key = (shape.to_owned(), contestant.to_owned());
        self.nanoseconds.get(&key).copied()
    }

    /// Returns how long this bus takes: it is the first of all.
    pub(crate) fn ours(&self, shape: &Shape) -> Option<f64> {
        self.nanoseconds(shape, self.contestants.first()?)
    }

    /// Returns all but this bus.
    pub(crate) fn peers(&self) -> &[Contestant] {
        self.contestants.get(1..).unwrap_or_default()
    }

    /// Returns the shapes by what is measured on which runtime, each group under its title.
    pub(crate) fn groups(&self) -> Vec<(&'static str, Vec<&Shape>)> {
        let mut groups: Vec<(&'static str, Vec<&Shape>)> = Vec::new();
        for (title, start, end) in [
            ("Throughput, one thread", "throughput ", " current"),
            ("Throughput, two threads", "throughput ", " multi"),
            (
                "One signal at a time, one thread",
                "one at a time ",
                " current",
            ),
            (
                "One signal at a time, two threads",
                "one at a time ",
                " multi",
            ),
        ] {
            let within =
                |shape: &&Shape| shape.name.starts_with(start) && shape.name.ends_with(end);
            let shapes: Vec<&Shape> = self.shapes.iter().filter(within).collect();
            if !shapes.is_empty() {
                groups.push((title, shapes));
            }
        }
        groups
    }
}

impl Shape {
    /// What is special about the shape within its group: `1→16`, or `1→16, 64 B`.
    pub(crate) fn label(&self) -> String {
        let mut words: Vec<&str> = self.name.split_whitespace().collect();
        words.pop();
        let from = words
            .iter()
            .position(|word| word.contains('→'))
            .unwrap_or(0);
        match &words[from..] {
            [who, "u64"] => (*who).to_owned(),
            [who, payload @ ..] => {
                format!("{who}, {}", payload.join(" ").replace(" in an Arc", ""))
            }
            [] => self.name.clone(),
        }
    }
}

fn words_of_run(run: &Value) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(date) = run["date"].as_str() {
        words.push(date.to_owned());
    }
    if let Some(cpus) = run["cpus"].as_u64() {
        words.push(format!("{cpus} CPUs"));
    }
    for (key, name) in [("rustc", "rustc"), ("python", "CPython")] {
        if let Some(version) = run[key].as_str() {
            words.push(format!("{name} {version}"));
        }
    }
    words
}

fn push_new<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if !all.contains(&one) {
        all.push(one);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Results;

    /// A run of two shapes and two peers, one of which does one shape only.
    pub(crate) fn sample() -> Results {
        let line = |shape: &str, who: &str, lossy: bool, ns: f64| {
            format!(
                "{{\"shape\":\"{shape}\",\"contestant\":\"{who}\",\"lossy\":{lossy},\"median_ns\":{ns},\"turns\":7}}\n"
            )
        };
        let text = "{\"run\":{\"date\":\"2026-11-21\",\"cpus\":2,\"rustc\":\"1.95.0\"}}\n"
            .to_owned()
            + &line("throughput 1→16 u64 current", "signal-bus", false, 2.0)
            + &line("throughput 1→16 u64 current", "kanal", false, 1.0)
            + &line("throughput 1→16 u64 current", "tokio broadcast", true, 25.0)
            + &line("one at a time 1→1 64 B multi", "signal-bus", false, 100.0)
            + &line("one at a time 1→1 64 B multi", "kanal", false, 200.0);
        Results::parse(&text).expect("the lines are whole")
    }

    #[test]
    fn shapes_stand_in_groups_under_short_labels() {
        let results = sample();
        let groups = results.groups();
        let titles: Vec<&str> = groups.iter().map(|(title, _)| *title).collect();
        assert_eq!(
            titles,
            [
                "Throughput, one thread",
                "One signal at a time, two threads"
            ]
        );
        assert_eq!(groups[0].1[0].label(), "1→16");
        assert_eq!(groups[1].1[0].label(), "1→1, 64 B");
        assert_eq!(
            results.run,
            ["2026-11-21", "2 CPUs", "rustc 1.95.0", "medians of 7 turns"]
        );
    }

    #[test]
    fn what_nobody_measured_is_nothing() {
        let results = sample();
        let (shape, lossy) = (&results.shapes[1], &results.contestants[2]);
        assert_eq!(results.ours(shape), Some(100.0));
        assert_eq!(results.nanoseconds(shape, lossy), None);
    }

    #[test]
    fn a_line_without_a_figure_is_refused_by_its_number() {
        let refused = Results::parse("{\"run\":{}}\n{\"shape\":\"a\",\"contestant\":\"b\"}\n");
        let reason = refused.expect_err("it has no figure");
        assert_eq!(reason, "line 2: `median_ns` is missing, or nothing");
    }
}
