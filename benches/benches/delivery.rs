//! Holds the contests, prints the ratios, and leaves the figures as lines of JSON.

#![allow(clippy::disallowed_methods, reason = "real time is what is measured")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use benches::shape::{Flavor, Measure, Payload, Shape};
use benches::{calls, contest, many, report};

const HELP: &str = "\
Measures deliveries of signal-bus against channels, all in one run.

usage: cargo bench -p benches [--features frameworks] [-- OPTIONS] [WORDS]

  --features frameworks
              also against kameo, jaeb, RustStream and tokio-events; needs Rust 1.95

  --turns N   turns that count, 7 unless given
  --keep      leaves the figures in docs/benchmarks*.jsonl, of which
              `cargo xtask bench-picture` makes a picture and tables
  --help      this text
  WORDS       only shapes whose names hold all of them, for example: 1→16 current;
              `call` is what a call costs that delivers nothing, `growth` a
              publish to more and more listeners, `routes` to find who hears
              a topic among many patterns

The machine should be idle otherwise.
The figures go to target/benchmarks*.jsonl unless they are kept.";

fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for flavor in [Flavor::Current, Flavor::Multi] {
        let shape = |measure, publishers, subscribers, payload| Shape {
            measure,
            flavor,
            publishers,
            subscribers,
            payload,
        };
        for (publishers, subscribers) in [
            (1, 1),
            (1, 4),
            (1, 10),
            (1, 16),
            (1, 100),
            (1, 1000),
            (4, 4),
        ] {
            let (measure, payload) = (Measure::Throughput, Payload::Word);
            shapes.push(shape(measure, publishers, subscribers, payload));
        }
        for payload in [Payload::Block, Payload::Page] {
            shapes.push(shape(Measure::Throughput, 1, 16, payload));
        }
        for subscribers in [1, 16, 100] {
            shapes.push(shape(Measure::Rounds, 1, subscribers, Payload::Word));
        }
    }
    shapes
}

/// Begins a file of figures.
fn begin(path: &Path) -> std::io::Result<File> {
    let mut file = File::create(path)?;
    writeln!(file, "{}", report::run())?;
    Ok(file)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut turns, mut kept, mut words) = (7, false, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" => {
                println!("{HELP}");
                return Ok(());
            }
            // Cargo says so to every benchmark.
            "--bench" => {}
            "--keep" => kept = true,
            "--turns" => {
                let count = arguments.next().ok_or("--turns needs a number")?;
                turns = count.parse()?;
                if turns == 0 {
                    return Err("--turns needs one at least".into());
                }
            }
            option if option.starts_with('-') => {
                return Err(format!("unknown option `{option}`\n\n{HELP}").into());
            }
            word => words.push(word.to_owned()),
        }
    }
    let mut shapes = shapes();
    let wanted = |name: &str| words.iter().all(|word| name.contains(word));
    shapes.retain(|shape| wanted(&shape.to_string()));
    let mut alone = vec![calls::callers(), many::listeners(), many::routes()];
    alone.retain(|callers| wanted(callers.shape));
    if shapes.is_empty() && alone.is_empty() {
        return Err(format!("no shape has all of {words:?} in its name").into());
    }
    let folder = if kept { "docs" } else { "target" };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    std::fs::create_dir_all(&folder)?;
    let begun = Instant::now();
    let count = alone.len() + shapes.len();
    let tell = |number: usize, shape: &str| {
        eprintln!("[{number}/{count} after {:.0?}] {shape}", begun.elapsed());
    };
    if !alone.is_empty() {
        let mut file = begin(&folder.join("benchmarks-alone.jsonl"))?;
        for (number, callers) in (1..).zip(&mut alone) {
            tell(number, callers.shape);
            callers.hold(turns);
            print!("{}", report::call_table(callers));
            for line in report::call_lines(callers) {
                writeln!(file, "{line}")?;
            }
        }
    }
    if shapes.is_empty() {
        return Ok(());
    }
    let mut file = begin(&folder.join("benchmarks.jsonl"))?;
    for (number, shape) in (alone.len() + 1..).zip(&shapes) {
        tell(number, &shape.to_string());
        let outcomes = contest::hold(*shape, turns);
        print!("{}", report::table(*shape, &outcomes));
        for line in report::lines(*shape, &outcomes) {
            writeln!(file, "{line}")?;
        }
    }
    Ok(())
}
