//! The hub of queues, as an example: its output has the shape of the run its README prints.

use std::collections::BTreeMap;
use std::process::Command;

/// Runs the example, and gives what it has printed.
fn run() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--package",
            "examples",
            "--example",
            "hub",
        ])
        .output()
        .expect("cargo runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let printed = String::from_utf8(output.stdout).expect("it prints text");
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn each_reader_gets_everything_since_it_subscribed_however_late_it_begins() {
    let lines = run();
    assert_eq!(lines[0], "Publisher has 0 subscribers");
    let mut by_reader: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut counts = Vec::new();
    for line in &lines {
        match line.split_once(' ').unwrap() {
            ("Publisher", rest) => {
                let count = rest.strip_prefix("has ").unwrap();
                counts.push(
                    count
                        .strip_suffix(" subscribers")
                        .unwrap()
                        .parse::<u32>()
                        .unwrap(),
                );
            }
            (reader, rest) => by_reader.entry(reader).or_default().push(rest),
        }
    }
    assert_eq!(counts.len(), 10);
    assert!(
        counts[1..].windows(2).all(|pair| pair[1] <= pair[0]),
        "{counts:?}"
    );
    assert_eq!((counts[1], by_reader.len()), (5, 5));
    for (reader, said) in by_reader {
        let [first, events @ .., last] = &said[..] else {
            panic!("{reader} said {said:?}")
        };
        assert_eq!((*first, *last), ("is ready now to read", "is terminating!"));
        let (events, enough) = match events {
            [events @ .., "has enough reading!"] => (events, true),
            events => (events, false),
        };
        // EVENT-0 was before anybody subscribed.
        for (event, said) in (1..).zip(events) {
            assert_eq!(
                *said,
                format!("got message: THIS IS EVENT-{event}"),
                "{reader}"
            );
        }
        assert!(enough || events.len() == 9, "{reader} read to the end");
    }
    // The one that is late by two events gets them back to back.
    let late = lines
        .iter()
        .position(|line| line == "Subscriber4 is ready now to read");
    let late = late.expect("it has begun");
    assert_eq!(
        &lines[late + 1..late + 3],
        [
            "Subscriber4 got message: THIS IS EVENT-1",
            "Subscriber4 got message: THIS IS EVENT-2"
        ]
    );
}
