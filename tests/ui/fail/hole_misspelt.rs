//! The name in a hole is misspelt.

use signal_bus::publisher;

#[publisher("orders.{regoin}.created")]
async fn create(region: &str) -> String {
    format!("an order from {region}")
}

fn main() {}
