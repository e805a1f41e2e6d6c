//! A hole has no end.

use signal_bus::publisher;

#[publisher("orders.{region.created")]
async fn create(region: &str) -> String {
    format!("an order from {region}")
}

fn main() {}
