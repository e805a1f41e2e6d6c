//! A publisher's topic stands in a plain constant.

use signal_bus::publisher;

const ORDERS: &str = "orders.created";

#[publisher(ORDERS)]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
