//! Cron comes in a later version.

use signal_bus::periodic;

#[periodic(cron = "0 */5 * * * *")]
async fn report() {}

fn main() {}
