//! What a user reads after a mistake: each program in `ui/fail` has its message beside it.
//!
//! Messages contain the compiler's own words, so they are compared on one toolchain only.

use std::env;
use std::fs;
use std::process::Command;

use trybuild::TestCases;

/// The toolchain whose messages stand in the `.stderr` files.
const PINNED: &str = "1.95.";

#[test]
fn programs_without_a_mistake_compile() {
    TestCases::new().pass(programs("ui/pass"));
}

#[test]
fn mistakes_have_a_message_that_says_what_to_write() {
    let version = rustc_version();
    if version.starts_with(PINNED) {
        TestCases::new().compile_fail(programs("ui/fail"));
    } else {
        println!("not compared: messages are those of Rust {PINNED}x, this is {version}");
    }
}

/// Returns the pattern of the programs in `folder`, of which there must be some.
fn programs(folder: &str) -> String {
    let entries = fs::read_dir(folder).expect("the folder of this crate is the current one");
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let count = paths
        .filter(|path| path.extension() == Some("rs".as_ref()))
        .count();
    println!("{count} programs in {folder}");
    // Without programs trybuild is content.
    assert_ne!(count, 0, "no program in {folder}");
    format!("{folder}/*.rs")
}

/// Returns the version of the compiler that builds the test programs, such as `1.95.0`.
fn rustc_version() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let output = output.expect("what compiled this test is still there");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace()
        .nth(1)
        .unwrap_or_default()
        .to_owned()
}
