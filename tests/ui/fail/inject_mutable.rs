//! An injected value is shared, and cannot be borrowed mutably.

use signal_bus::{inject, subscriber};

#[subscriber("orders.created")]
async fn store(order: String, #[inject] orders: &mut Vec<String>) {
    orders.push(order);
}

fn main() {}
