//! An injected value is shared, and cannot be cloned.

use signal_bus::{inject, subscriber};

struct Pool;

#[subscriber("orders.created")]
async fn store(order: String, #[inject] pool: Pool) {
    let _ = (order, pool);
}

fn main() {}
