//! `>` takes all that is left, and yet something follows.

use signal_bus::subscriber;

#[subscriber("orders.>.created")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
