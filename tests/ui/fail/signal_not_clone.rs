//! A subscriber takes a signal by value that cannot be cloned.

use signal_bus::subscriber;

struct Order;

#[subscriber("orders.created")]
async fn store(order: Order) {
    drop(order);
}

fn main() {}
