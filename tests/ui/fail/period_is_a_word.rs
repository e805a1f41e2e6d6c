//! A period is a word.

use signal_bus::periodic;

#[periodic("soon")]
async fn poll() {}

fn main() {}
