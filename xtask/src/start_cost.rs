//! How long a bus of ten thousand registered functions takes to start.

use std::fmt::Write as _;

use crate::failure::Failure;
use crate::generated::{Generated, Profile};

/// Pairs of a publisher and a subscriber, each on a topic of its own.
const PAIRS: usize = 5_000;

/// Pairs in a module, as a program has them.
const PAIRS_IN_MODULE: usize = 100;

/// Generates a program, builds and runs it; it prints a table, which is returned.
pub(crate) fn measure() -> Result<String, Failure> {
    println!("xtask start-cost: to compile {PAIRS} pairs takes some minutes");
    Generated::run("start-cost", "start", Profile::Quick, source())
}

fn source() -> String {
    // Only the last publisher is called.
    let mut source = String::from("#![allow(dead_code)]\n");
    for module in 0..PAIRS / PAIRS_IN_MODULE {
        writeln!(
            source,
            "mod m{module} {{\n    use signal_bus::{{publisher, subscriber}};"
        )
        .expect("a string takes all");
        for pair in 0..PAIRS_IN_MODULE {
            let number = module * PAIRS_IN_MODULE + pair;
            writeln!(
                source,
                "    #[publisher(\"topic.{number}\")] pub async fn publish_{number}(value: u64) -> u64 {{ value }}\n    \
                 #[subscriber(\"topic.{number}\")] async fn read_{number}(value: &u64) {{ std::hint::black_box(value); }}"
            )
            .expect("a string takes all");
        }
        source.push_str("}\n");
    }
    let last = PAIRS - 1;
    let module = last / PAIRS_IN_MODULE;
    source + &MAIN.replace("LAST", &format!("m{module}::publish_{last}"))
}

/// Starts a bus of all functions again and again, lets the last one publish, and closes it.
const MAIN: &str = r#"
const STARTS: usize = 21;

fn main() {
    println!("\n| milliseconds | first start | in the middle | worst | close, in the middle |\n|---|--:|--:|--:|--:|");
    for (name, mut builder) in [
        ("one thread", tokio::runtime::Builder::new_current_thread()),
        ("a thread per core", tokio::runtime::Builder::new_multi_thread()),
    ] {
        let runtime = builder.enable_all().build().expect("the system gives threads");
        let times: Vec<(f64, f64)> = (0..STARTS).map(|_| runtime.block_on(start())).collect();
        let sorted = |of: fn(&(f64, f64)) -> f64| {
            let mut sorted: Vec<f64> = times.iter().map(of).collect();
            sorted.sort_by(f64::total_cmp);
            sorted
        };
        let (starts, closes) = (sorted(|one| one.0), sorted(|one| one.1));
        println!(
            "| {name} | {:.1} | {:.1} | {:.1} | {:.1} |",
            times[0].0, starts[STARTS / 2], starts[STARTS - 1], closes[STARTS / 2],
        );
    }
}

async fn start() -> (f64, f64) {
    let begun = std::time::Instant::now();
    let bus = signal_bus::Bus::new().start().await.expect("it starts");
    let started = begun.elapsed();
    LAST(7).await;
    bus.settled().await;
    let closes = std::time::Instant::now();
    let report = bus.close().await.expect("it drains");
    let closed = closes.elapsed();
    assert_eq!((report.stats.total.done, report.stats.subscriptions.len()), (1, 5_000));
    (started.as_secs_f64() * 1e3, closed.as_secs_f64() * 1e3)
}
"#;
