//! A cron expression is named.

use signal_bus::periodic;

#[periodic("0 3 * * *", tz = "Europe/Berlin")]
async fn nightly() {}

fn main() {}
