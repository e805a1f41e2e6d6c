//! A cron expression has five fields at least.

use signal_bus::periodic;

#[periodic(cron = "*/5 * *")]
async fn report() {}

fn main() {}
