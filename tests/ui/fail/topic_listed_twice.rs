//! A subscriber lists a topic twice.

use signal_bus::subscriber;

#[subscriber("orders.created", "orders.created")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
