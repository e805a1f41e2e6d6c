//! A time zone is for times of day.

use signal_bus::periodic;

#[periodic("5m", tz = "Europe/Berlin")]
async fn report() {}

fn main() {}
