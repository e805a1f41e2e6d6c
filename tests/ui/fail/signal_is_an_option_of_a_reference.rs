//! A subscriber takes a signal that may be missing.

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store(order: Option<&String>) {
    let _ = order;
}

fn main() {}
