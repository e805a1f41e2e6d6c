//! Nothing is known of what becomes of missed runs.

use signal_bus::periodic;

#[periodic(1, missed = forget)]
async fn poll() {}

fn main() {}
