//! A period of nothing.

use signal_bus::periodic;

#[periodic(0)]
async fn poll() {}

fn main() {}
