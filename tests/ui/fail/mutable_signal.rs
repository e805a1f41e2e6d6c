//! A subscriber wants to change the signal that all subscribers share.

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store(order: &mut String) {
    order.clear();
}

fn main() {}
