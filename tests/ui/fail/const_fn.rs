//! A publisher is a `const fn`.

use signal_bus::publisher;

#[publisher("orders.created")]
const fn create() -> u32 {
    1
}

fn main() {}
