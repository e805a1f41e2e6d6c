//! The longest unit is an hour.

use signal_bus::periodic;

#[periodic("1d")]
async fn daily() {}

fn main() {}
