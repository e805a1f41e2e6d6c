//! A bus is named by a text.

use signal_bus::subscriber;

#[subscriber("orders.created", bus = "billing")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
