//! An option is given twice.

use signal_bus::subscriber;

#[subscriber("orders.created", capacity = 16, capacity = 32)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
