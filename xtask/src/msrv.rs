//! Compiles the workspace with the oldest supported toolchain.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// What to type; the version is the one in the workspace's manifest.
const HOW: &str = concat!(
    "no toolchain given: MSRV_CARGO names the cargo of Rust ",
    env!("CARGO_PKG_RUST_VERSION"),
    "\nwith rustup, type:\n  rustup toolchain install ",
    env!("CARGO_PKG_RUST_VERSION"),
    "\n  MSRV_CARGO=\"cargo +",
    env!("CARGO_PKG_RUST_VERSION"),
    "\" cargo xtask msrv\nelse:\n  MSRV_CARGO=<path to its cargo> cargo xtask msrv",
);

/// Type-checks all targets with the cargo that `MSRV_CARGO` names.
///
/// Tests are compiled, not run: compiler messages are compared on one toolchain only. The benchmarks
/// are compiled without their feature `frameworks`, whose peers need a newer Rust than we promise.
pub(crate) fn check() -> Result<(), Failure> {
    let named = std::env::var("MSRV_CARGO").unwrap_or_default();
    let words: Vec<&str> = named.split_whitespace().collect();
    let Some((typed, toolchain)) = words.split_first() else {
        return Err(Failure::missing(HOW.to_owned()));
    };
    let cargo = Path::new(typed);
    // Its own folder, or two toolchains would throw away each other's work.
    let target = workspace::root().join("target").join("msrv");
    for (name, line) in [
        (
            "msrv",
            "check --workspace --exclude benches --all-targets --all-features",
        ),
        ("msrv of benches", "check --package benches --all-targets"),
    ] {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let mut step = Step::program(name, cargo, typed)
            .with_arguments(toolchain)
            .with_arguments(&arguments)
            .with_variable("CARGO_TARGET_DIR", &target.to_string_lossy());
        if let Some(rustc) = rustc_beside(cargo) {
            step = step.with_variable("RUSTC", &rustc.to_string_lossy());
        }
        step.run()?;
    }
    Ok(())
}

/// Returns the compiler of a toolchain that is named by the path of its cargo.
fn rustc_beside(cargo: &Path) -> Option<PathBuf> {
    let folder = cargo.parent()?;
    let rustc = folder.join(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    (folder.is_absolute() && rustc.exists()).then_some(rustc)
}
