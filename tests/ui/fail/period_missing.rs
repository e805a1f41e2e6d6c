//! A periodic function without a period.

use signal_bus::periodic;

#[periodic]
async fn poll() {}

fn main() {}
