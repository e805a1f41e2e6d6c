//! A thread cannot be stopped.

use signal_bus::subscriber;

#[subscriber("orders.created", blocking, timeout = "5s")]
fn store(order: String) {
    drop(order);
}

fn main() {}
