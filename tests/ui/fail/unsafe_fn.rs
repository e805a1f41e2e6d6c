//! A publisher is an `unsafe fn`.

use signal_bus::publisher;

#[publisher("orders.created")]
unsafe fn create() -> u32 {
    1
}

fn main() {}
