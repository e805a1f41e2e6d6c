//! A signal outlives the call, and what it borrows does not.

use signal_bus::publisher;

#[publisher("orders.created")]
fn create(order: &str) -> &str {
    order
}

fn main() {}
