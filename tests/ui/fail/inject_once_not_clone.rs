//! What a factory made once is shared, and cannot be taken by value without a clone.

use signal_bus::{inject, subscriber};

struct Pool;

async fn open() -> Pool {
    Pool
}

#[subscriber("orders.created")]
#[inject(pool = open, once)]
async fn store(order: String, pool: Pool) {
    let _ = (order, pool);
}

fn main() {}
