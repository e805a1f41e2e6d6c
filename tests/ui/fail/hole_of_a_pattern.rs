//! A hole names a part of a parameter.

use signal_bus::publisher;

struct Place {
    region: String,
}

#[publisher("orders.{region}.created")]
async fn create(Place { region }: Place) -> String {
    format!("an order from {region}")
}

fn main() {}
