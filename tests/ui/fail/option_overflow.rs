//! Dropping signals comes in a later version.

use signal_bus::subscriber;

#[subscriber("orders.created", overflow = drop_oldest)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
