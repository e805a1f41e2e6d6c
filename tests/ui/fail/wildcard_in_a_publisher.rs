//! A publisher's topic is a pattern.

use signal_bus::publisher;

#[publisher("orders.*.created")]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
