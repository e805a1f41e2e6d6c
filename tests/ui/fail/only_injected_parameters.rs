//! A subscriber's only parameter is injected.

use signal_bus::{inject, subscriber};

struct Pool;

#[subscriber("orders.created")]
async fn store(#[inject] pool: &Pool) {
    let _ = pool;
}

fn main() {}
