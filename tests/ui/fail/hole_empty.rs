//! A hole names nothing.

use signal_bus::publisher;

#[publisher("orders.{}.created")]
async fn create(region: &str) -> String {
    format!("an order from {region}")
}

fn main() {}
