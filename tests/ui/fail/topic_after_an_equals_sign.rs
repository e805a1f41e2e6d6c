//! The topic follows an equals sign.

use signal_bus::subscriber;

#[subscriber = "orders.created"]
async fn store(order: String) {
    drop(order);
}

fn main() {}
