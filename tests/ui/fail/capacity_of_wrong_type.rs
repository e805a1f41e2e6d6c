//! The capacity comes from a constant that is no number.

use signal_bus::subscriber;

const CAPACITY: &str = "16";

#[subscriber("orders.created", capacity = CAPACITY)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
