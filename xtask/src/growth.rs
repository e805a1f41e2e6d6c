//! How the cost of a publish grows with those who hear it, up to ten thousand annotated subscribers.

use std::fmt::Write as _;

use crate::failure::Failure;
use crate::generated::{Generated, Profile};

/// Subscribers of one topic.
const SUBSCRIBERS: usize = 10_000;

/// Subscribers in a module, as a program has them.
const SUBSCRIBERS_IN_MODULE: usize = 100;

/// Generates a program, builds and runs it; it prints a table, which is returned.
pub(crate) fn measure() -> Result<String, Failure> {
    println!("xtask growth: to compile {SUBSCRIBERS} subscribers takes some minutes");
    Generated::run("growth", "growth", Profile::Release, source())
}

fn source() -> String {
    let mut source = String::new();
    let mut all = String::new();
    for module in 0..SUBSCRIBERS / SUBSCRIBERS_IN_MODULE {
        writeln!(
            source,
            "mod m{module} {{\n    use signal_bus::{{Bus, subscriber}};"
        )
        .expect("a string takes all");
        let mut with = String::new();
        for number in 0..SUBSCRIBERS_IN_MODULE {
            writeln!(
                source,
                "    #[subscriber(\"wide\")] async fn read_{number}(value: &u64) {{ std::hint::black_box(value); }}"
            )
            .expect("a string takes all");
            write!(with, "|bus| bus.with::<read_{number}>(), ").expect("a string takes all");
        }
        writeln!(
            source,
            "    pub const WITH: [fn(Bus) -> Bus; {SUBSCRIBERS_IN_MODULE}] = [{with}];\n}}"
        )
        .expect("a string takes all");
        write!(all, "&m{module}::WITH, ").expect("a string takes all");
    }
    let modules = SUBSCRIBERS / SUBSCRIBERS_IN_MODULE;
    source
        + &format!(
            "const ALL: [&[fn(signal_bus::Bus) -> signal_bus::Bus; {SUBSCRIBERS_IN_MODULE}]; {modules}] = [{all}];\n"
        )
        + MAIN
}

/// Lets one publisher publish to more and more of them, in turns; the first turn does not count.
const MAIN: &str = r#"
use std::time::Instant;

use signal_bus::{Bus, publisher};

const TURNS: usize = 7;

#[publisher("wide")]
async fn publish(value: u64) -> u64 { value }

fn main() {
    let shapes = [(1, 400_000_u32), (16, 40_000), (10_000, 2_000)];
    let mut all: [Vec<f64>; 3] = Default::default();
    for turn in 0..=TURNS {
        for ((count, signals), figures) in shapes.iter().zip(&mut all) {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().expect("the system gives threads");
            let nanoseconds = runtime.block_on(run(*count, *signals));
            if 0 < turn {
                figures.push(nanoseconds);
            }
        }
    }
    println!("\n| subscribers | ns a publish | times one |\n|--:|--:|--:|");
    let medians = all.map(|mut figures| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    });
    for ((count, _), median) in shapes.iter().zip(medians) {
        println!("| {count} | {median:.1} | {:.2} |", median / medians[0]);
    }
}

async fn run(count: usize, signals: u32) -> f64 {
    let with = ALL.iter().flat_map(|some| some.iter()).take(count);
    let bus = with.fold(Bus::empty(), |bus, with| with(bus));
    let bus = bus.start().await.expect("it starts");
    let begun = Instant::now();
    let publishing = async {
        let publisher = signal_bus::spawn(async move {
            for number in 0..u64::from(signals) {
                publish(number).await;
            }
        });
        publisher.await.expect("it publishes");
    };
    bus.scope(publishing).await;
    bus.settled().await;
    let elapsed = begun.elapsed();
    let total = bus.close().await.expect("it drains").stats.total;
    assert_eq!(total.done, u64::from(signals) * count as u64, "nothing is lost");
    elapsed.as_secs_f64() * 1e9 / f64::from(signals)
}
"#;
