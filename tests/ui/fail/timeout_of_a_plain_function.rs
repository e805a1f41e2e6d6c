//! A function that never waits cannot be cancelled.

use signal_bus::subscriber;

#[subscriber("orders.created", timeout = "5s")]
fn store(order: String) {
    drop(order);
}

fn main() {}
