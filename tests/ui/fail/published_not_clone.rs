//! A publisher returns a value that cannot be cloned, though the caller keeps it.

use signal_bus::publisher;

struct Order;

#[publisher("orders.created")]
async fn create() -> Order {
    Order
}

fn main() {}
