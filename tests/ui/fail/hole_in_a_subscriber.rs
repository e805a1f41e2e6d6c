//! A subscriber has nothing to fill a hole with.

use signal_bus::subscriber;

#[subscriber("orders.{region}.created")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
