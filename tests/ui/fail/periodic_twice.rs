//! A function has two periods.

use signal_bus::periodic;

#[periodic(1)]
#[periodic("1h")]
async fn poll() {}

fn main() {}
