//! No signal is ever handled.

use signal_bus::subscriber;

#[subscriber("orders.created", concurrency = 0)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
