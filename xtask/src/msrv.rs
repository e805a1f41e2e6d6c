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

/// Names the cargo for those of our crates that need a newer Rust: signal-bus-nats, and the gateway with it.
const NATS_CARGO: &str = "MSRV_NATS_CARGO";

const NATS_LEFT_OUT: &str = "\
    signal-bus-nats, and the gateway's feature `nats`, need a newer Rust and are left out; for them, too, type:
      rustup toolchain install 1.89
      MSRV_NATS_CARGO=\"cargo +1.89\" MSRV_CARGO=... cargo xtask msrv";

/// Type-checks all targets with the cargo that `MSRV_CARGO` names, and those that need a newer one with that of
/// `MSRV_NATS_CARGO`.
///
/// Tests are compiled, not run: compiler messages are compared on one toolchain only. The benchmarks
/// are compiled without their feature `frameworks`, whose peers need a newer Rust than we promise.
pub(crate) fn check() -> Result<(), Failure> {
    let oldest = Toolchain::named("MSRV_CARGO");
    let oldest = oldest.ok_or_else(|| Failure::missing(HOW.to_owned()))?;
    oldest.check(
        "msrv",
        "--workspace --exclude benches --exclude signal-bus-nats --exclude signal-bus-gateway --all-features",
    )?;
    oldest.check("msrv of the gateway", "--package signal-bus-gateway")?;
    oldest.check("msrv of benches", "--package benches")?;
    let Some(newer) = Toolchain::named(NATS_CARGO) else {
        println!("{NATS_LEFT_OUT}");
        return Ok(());
    };
    newer.check(
        "msrv of what needs NATS",
        "--package signal-bus-nats --package signal-bus-gateway --all-features",
    )
}

/// A cargo of another toolchain, with its first arguments.
struct Toolchain(Vec<String>);

impl Toolchain {
    /// The one that a variable names, if it does.
    fn named(variable: &str) -> Option<Self> {
        let named = std::env::var(variable).unwrap_or_default();
        let words: Vec<String> = named.split_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    fn check(&self, name: &str, what: &str) -> Result<(), Failure> {
        let typed = &self.0[0];
        let cargo = Path::new(typed);
        let arguments: Vec<&str> = what.split_whitespace().collect();
        // Its own folder, or two toolchains would throw away each other's work.
        let target = workspace::root().join("target").join("msrv");
        let mut step = Step::program(name, cargo, typed)
            .with_arguments(&self.0[1..])
            .with_arguments(&["check", "--all-targets"])
            .with_arguments(&arguments)
            .with_variable("CARGO_TARGET_DIR", &target.to_string_lossy());
        if let Some(rustc) = rustc_beside(cargo) {
            step = step.with_variable("RUSTC", &rustc.to_string_lossy());
        }
        step.run()
    }
}

/// Returns the compiler of a toolchain that is named by the path of its cargo.
fn rustc_beside(cargo: &Path) -> Option<PathBuf> {
    let folder = cargo.parent()?;
    let rustc = folder.join(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    (folder.is_absolute() && rustc.exists()).then_some(rustc)
}
