//! A queue has room for nothing.

use signal_bus::subscriber;

#[subscriber("orders.created", capacity = 0)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
