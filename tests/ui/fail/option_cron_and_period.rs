//! A function runs by a period or by the time of day.

use signal_bus::periodic;

#[periodic("5m", cron = "*/5 * * * *")]
async fn report() {}

fn main() {}
