//! A period is a text without a unit.

use signal_bus::periodic;

#[periodic("250")]
async fn poll() {}

fn main() {}
