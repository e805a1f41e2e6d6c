//! What is injected by type is built once anyway.

use signal_bus::{inject, subscriber};

struct Pool;

#[subscriber("orders.created")]
async fn store(order: String, #[inject(once)] pool: &Pool) {
    let _ = (order, pool);
}

fn main() {}
