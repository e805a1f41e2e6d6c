//! A timeout is no time.

use signal_bus::subscriber;

#[subscriber("orders.created", timeout = "never")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
