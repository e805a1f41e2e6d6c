//! A periodic function returns a number that nobody would get.

use signal_bus::periodic;

#[periodic(1)]
async fn poll() -> u32 {
    1
}

fn main() {}
