//! An option has no value.

use signal_bus::subscriber;

#[subscriber("orders.created", capacity)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
