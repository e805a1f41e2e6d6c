//! The topic's quotes are missing.

use signal_bus::subscriber;

#[subscriber(orders.created)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
