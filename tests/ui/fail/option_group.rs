//! A group has a name.

use signal_bus::subscriber;

#[subscriber("orders.created", group = 7)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
