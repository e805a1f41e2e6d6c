//! An attribute stands on a struct.

use signal_bus::publisher;

#[publisher("orders.created")]
struct Order;

fn main() {
    let _ = Order;
}
