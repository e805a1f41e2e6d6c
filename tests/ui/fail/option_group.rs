//! Groups come in a later version.

use signal_bus::subscriber;

#[subscriber("orders.created", group = "workers")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
