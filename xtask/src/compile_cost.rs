//! What annotations cost to compile, beside channels and tasks that are written by hand.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::generated::{Generated, Profile, failed, read};

/// Pairs of a publisher and a subscriber, each on a topic of its own.
const PAIRS: usize = 300;

/// Builds of each crate; the one in the middle counts.
const TURNS: usize = 3;

/// How Linux counts in `/proc`, on all machines that Rust knows.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the pairs carry.
#[derive(Clone, Copy)]
enum Carried {
    /// All of them `u64`.
    OneType,
    /// Each a type of its own.
    TypeEach,
}

/// How the pairs are written.
#[derive(Clone, Copy)]
enum Written {
    Annotated,
    ByHand,
}

/// What a build has cost.
#[derive(Clone, Copy)]
struct Cost {
    cpu_seconds: f64,
    program_bytes: u64,
}

/// Generates, builds and compares; prints a table, and returns it.
pub(crate) fn measure() -> Result<String, Failure> {
    if cfg!(not(target_os = "linux")) {
        let what = "only Linux tells the CPU time of a build: `/proc/self/stat`";
        return Err(Failure::missing(what.to_owned()));
    }
    let mut table = String::from(
        "| 300 pairs that carry | annotated, CPU s | by hand, CPU s | ratio | annotated, MB | by hand, MB | ratio |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (carried, name) in [
        (Carried::OneType, "`u64`"),
        (Carried::TypeEach, "a type each"),
    ] {
        let annotated = generate(Written::Annotated, carried)?;
        let by_hand = generate(Written::ByHand, carried)?;
        // In turns, so that what disturbs the machine disturbs both.
        let mut costs = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            costs.0.push(build_again(&annotated)?);
            costs.1.push(build_again(&by_hand)?);
        }
        let (ours, theirs) = (middle(costs.0), middle(costs.1));
        writeln!(
            table,
            "| {name} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} | {:.2} |",
            ours.cpu_seconds,
            theirs.cpu_seconds,
            ours.cpu_seconds / theirs.cpu_seconds,
            megabytes(ours),
            megabytes(theirs),
            megabytes(ours) / megabytes(theirs),
        )
        .expect("a string takes all");
    }
    println!("\n{table}");
    Ok(table)
}

/// Writes the crate of so many pairs.
fn generate(written: Written, carried: Carried) -> Result<Generated, Failure> {
    let name = match (written, carried) {
        (Written::Annotated, Carried::OneType) => "annotated",
        (Written::Annotated, Carried::TypeEach) => "annotated-types",
        (Written::ByHand, Carried::OneType) => "by-hand",
        (Written::ByHand, Carried::TypeEach) => "by-hand-types",
    };
    let source = match written {
        Written::Annotated => annotated(carried),
        Written::ByHand => by_hand(carried),
    };
    Generated::write("compile-cost", name, Profile::Release, source)
}

/// Builds a crate from its source, with all its dependencies there.
fn build_again(generated: &Generated) -> Result<Cost, Failure> {
    generated.put_empty()?;
    generated.build()?;
    generated.put_source()?;
    let before = cpu_seconds_of_children()?;
    generated.build()?;
    let cpu_seconds = cpu_seconds_of_children()? - before;
    let program = generated.program();
    let metadata = fs::metadata(&program).map_err(|error| failed("read", &program, &error))?;
    let program_bytes = metadata.len();
    Ok(Cost {
        cpu_seconds,
        program_bytes,
    })
}

fn carried(number: usize, carried: Carried) -> String {
    match carried {
        Carried::OneType => "u64".to_owned(),
        Carried::TypeEach => format!("Carried{number}"),
    }
}

/// The types, and the value that pair `number` sends.
fn types(source: &mut String, which: Carried) -> fn(usize) -> String {
    match which {
        Carried::OneType => |number| format!("{number}"),
        Carried::TypeEach => {
            for number in 0..PAIRS {
                writeln!(
                    source,
                    "#[derive(Clone)] pub struct Carried{number}(pub u64);"
                )
                .expect("a string takes all");
            }
            |number| format!("Carried{number}({number})")
        }
    }
}

fn annotated(which: Carried) -> String {
    let mut source = String::from("use signal_bus::{Bus, publisher, subscriber};\n");
    let value = types(&mut source, which);
    let mut body = String::new();
    for number in 0..PAIRS {
        let carried = carried(number, which);
        writeln!(
            source,
            "#[publisher(\"topic.{number}\")] async fn publish_{number}(value: {carried}) -> {carried} {{ value }}\n\
             #[subscriber(\"topic.{number}\")] async fn read_{number}(value: &{carried}) {{ std::hint::black_box(value); }}"
        ).expect("a string takes all");
        writeln!(body, "        publish_{number}({}).await;", value(number))
            .expect("a string takes all");
    }
    source
        + &main_of(&format!(
            "Bus::new().run(async {{\n{body}    }}).await.expect(\"it runs\");"
        ))
}

/// As one would write it who has so many: the senders in one struct, and the readers in a row.
fn by_hand(which: Carried) -> String {
    let mut source =
        String::from("use tokio::{sync::mpsc::{channel, Sender}, task::JoinHandle};\n");
    let value = types(&mut source, which);
    let (mut fields, mut start, mut publish) = (String::new(), String::new(), String::new());
    for number in 0..PAIRS {
        let carried = carried(number, which);
        writeln!(
            source,
            "async fn publish_{number}(to: &Sender<{carried}>, value: {carried}) {{ to.send(value).await.expect(\"it is read\"); }}\n\
             async fn read_{number}(value: &{carried}) {{ std::hint::black_box(value); }}\n\
             fn start_{number}(readers: &mut Vec<JoinHandle<()>>) -> Sender<{carried}> {{\n    \
                 let (to, mut from) = channel(1024);\n    \
                 readers.push(tokio::spawn(async move {{ while let Some(value) = from.recv().await {{ read_{number}(&value).await; }} }}));\n    \
                 to\n}}"
        ).expect("a string takes all");
        writeln!(fields, "    to_{number}: Sender<{carried}>,").expect("a string takes all");
        writeln!(start, "        to_{number}: start_{number}(readers),")
            .expect("a string takes all");
        writeln!(
            publish,
            "    publish_{number}(&senders.to_{number}, {}).await;",
            value(number)
        )
        .expect("a string takes all");
    }
    source
        + &format!(
            "struct Senders {{\n{fields}}}\n\
             fn start(readers: &mut Vec<JoinHandle<()>>) -> Senders {{\n    Senders {{\n{start}    }}\n}}\n"
        )
        + &main_of(&format!(
            "    let mut readers = Vec::new();\n    let senders = start(&mut readers);\n{publish}    drop(senders);\n    \
             for reader in readers {{ reader.await.expect(\"it reads\"); }}"
        ))
}

fn main_of(body: &str) -> String {
    format!(
        "fn main() {{\n    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect(\"it starts\");\n    \
         runtime.block_on(async {{\n{body}\n    }});\n}}\n"
    )
}

/// Returns the CPU time, user and system, of all children that have ended, and of theirs.
fn cpu_seconds_of_children() -> Result<f64, Failure> {
    let path = Path::new("/proc/self/stat");
    let text = read(path)?;
    let ticks = children_ticks(&text).ok_or_else(|| {
        let what = format!(
            "cannot find the CPU time of children in {}: {text}",
            path.display()
        );
        Failure::missing(what)
    })?;
    Ok(ticks / TICKS_PER_SECOND)
}

/// Reads the fields `cutime` and `cstime`, the 16th and 17th.
fn children_ticks(stat: &str) -> Option<f64> {
    // The second field is the program's name in brackets, with any letters in it; the third comes after.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(16 - 3);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn middle(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|a, b| a.cpu_seconds.total_cmp(&b.cpu_seconds));
    costs[costs.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "a program is small")]
fn megabytes(cost: Cost) -> f64 {
    cost.program_bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::children_ticks;

    #[test]
    fn the_time_of_children_is_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 1 2 3 4 10 20 300 40 20 0 1 0";
        assert_eq!(children_ticks(stat), Some(340.0));
        assert_eq!(children_ticks("7 (a"), None);
    }
}
