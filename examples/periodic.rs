//! Periodic tasks: the clock calls a function, at once and then again, until the bus closes.

use std::time::Duration;

use signal_bus::{Bus, periodic};
use tokio::time::sleep;

#[periodic(0.5)]
async fn print_foo() {
    println!("foo");
}

#[periodic("300ms", after = "100ms")]
fn print_bar() -> anyhow::Result<()> {
    anyhow::bail!("bar fails each time, and is called again all the same")
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Bus::new()
        .on_error(|at, error| println!("{at}: {error}"))
        .run(sleep(Duration::from_millis(1_200)))
        .await
}
