//! A subscriber returns a number that nobody would get.

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store(order: String) -> usize {
    order.len()
}

fn main() {}
