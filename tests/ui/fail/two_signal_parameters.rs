//! A subscriber takes two parameters, and says of neither where it comes from.

use signal_bus::subscriber;

struct Pool;

#[subscriber("orders.created")]
async fn store(order: String, pool: &Pool) {
    let _ = (order, pool);
}

fn main() {}
