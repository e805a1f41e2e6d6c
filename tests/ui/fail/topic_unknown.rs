//! A topic was never declared.

use signal_bus::subscriber;

#[subscriber(ORDERS)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
