//! Writes the subscribers of the benchmarks: a thousand functions that differ in their names only.

use std::fmt::Write as _;
use std::process::Command;
use std::{env, fs, path::PathBuf};

/// A topic, the type it carries, how many subscribe to it, and what each does.
const SHAPES: [(&str, &str, usize, &str); 4] = [
    ("words", "&u64", 1000, "touch(value);"),
    ("blocks", "&[u8; 64]", 16, "touch(value);"),
    ("pages", "&[u8; 1024]", 16, "touch(value);"),
    ("rounds", "&u64", 100, "touch(value); ROUND.arrive();"),
];

fn main() {
    let mut source = String::new();
    for (topic, takes, count, body) in SHAPES {
        let mut with = String::new();
        for number in 0..count {
            let name = format!("{topic}_{number}");
            writeln!(
                source,
                "#[subscriber(\"bench.{topic}\")] async fn {name}(value: {takes}) {{ {body} }}"
            )
            .expect("a string takes all");
            write!(with, "|bus| bus.with::<{name}>(), ").expect("a string takes all");
        }
        let upper = topic.to_uppercase();
        writeln!(
            source,
            "/// Adds a subscriber of `bench.{topic}` to a bus.\n\
             pub(crate) const {upper}: [fn(Bus) -> Bus; {count}] = [{with}];"
        )
        .expect("a string takes all");
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    fs::write(folder.join("subscribers.rs"), source).expect("the folder is there");
    println!("cargo::rustc-env=RUSTC_VERSION={}", rustc_version());
    println!("cargo::rerun-if-changed=build.rs");
}

/// Returns the version of the compiler, for example `1.95.0`.
fn rustc_version() -> String {
    let rustc = env::var_os("RUSTC").expect("cargo says which");
    let output = Command::new(rustc).arg("--version").output();
    let said = output.expect("the compiler runs").stdout;
    let said = String::from_utf8(said).expect("a version is text");
    said.split_whitespace()
        .nth(1)
        .unwrap_or("unknown")
        .to_owned()
}
