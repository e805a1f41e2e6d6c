//! A wildcard is mixed with text.

use signal_bus::subscriber;

#[subscriber("orders.eu*.created")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
