//! A topic's name stands in a plain constant.

use signal_bus::subscriber;

const ORDERS: &str = "orders.created";

#[subscriber(ORDERS)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
