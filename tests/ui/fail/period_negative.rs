//! A period before now.

use signal_bus::periodic;

#[periodic(-1.5)]
async fn poll() {}

fn main() {}
