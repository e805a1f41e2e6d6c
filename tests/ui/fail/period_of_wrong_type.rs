//! A period comes from a constant that is a number.

use signal_bus::periodic;

const PERIOD: u64 = 5;

#[periodic(PERIOD)]
async fn poll() {}

fn main() {}
