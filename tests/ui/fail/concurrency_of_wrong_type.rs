//! The concurrency comes from a constant of another integer type.

use signal_bus::subscriber;

const WORKERS: u8 = 4;

#[subscriber("orders.created", concurrency = WORKERS)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
