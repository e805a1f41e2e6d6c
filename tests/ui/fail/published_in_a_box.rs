//! A publisher returns a box of a trait.

use signal_bus::publisher;

trait Order {}

#[publisher("orders.created")]
async fn create(order: Box<dyn Order>) -> Box<dyn Order> {
    order
}

fn main() {}
