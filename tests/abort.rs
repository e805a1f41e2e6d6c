//! With `panic = "abort"` there is nothing to isolate: the first panic of a handler ends the process.
#![cfg(unix)]

use std::env;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The number of SIGABRT.
const ABORTED: Option<i32> = Some(6);

/// Compiles a program of this crate that does not unwind; what it depends on is there already, and may unwind.
fn compiled(program: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let target = test.ancestors().nth(3).map(Path::to_owned).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--quiet", "--package", env!("CARGO_PKG_NAME")]);
    cargo.args(["--example", program]);
    cargo.arg("--target-dir").arg(&target);
    cargo.args(["--", "-C", "panic=abort"]);
    assert!(cargo.status().unwrap().success(), "{cargo:?}");
    target.join("debug/examples").join(program)
}

#[test]
fn without_unwinding_a_panic_of_a_handler_ends_the_process() {
    let ended = Command::new(compiled("panicking")).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.signal(), ABORTED, "{told}");
    assert!(told.contains("a handler panics"), "{told}");
    assert_eq!(ended.stdout, b"handled 0\n", "nothing comes after it");
}
