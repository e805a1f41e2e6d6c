//! Signals are handled one at a time anyway.

use signal_bus::subscriber;

#[subscriber("orders.created", key = |order: &String| order.len())]
async fn store(order: String) {
    drop(order);
}

fn main() {}
