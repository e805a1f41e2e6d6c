//! Runs every example; each must end by itself, and soon.

use std::time::Duration;

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// How long one example may run.
const EXAMPLE_DURATION_MAX: Duration = Duration::from_secs(30);

/// Builds all examples, then runs one after the other.
///
/// The built programs are started directly: ending `cargo run` would not end the program below it.
pub(crate) fn run_all() -> Result<(), Failure> {
    // The same packages and features as for the tests, so that nothing is compiled twice.
    Step::cargo(
        "build examples",
        "build --workspace --all-features --examples",
    )
    .run()?;
    let folder = workspace::output_folder()?.join("examples");
    for name in workspace::examples()? {
        let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let typed = format!("cargo run --example {name}");
        let step = Step::program(&format!("example {name}"), &program, &typed);
        step.run_within(EXAMPLE_DURATION_MAX)?;
    }
    Ok(())
}
