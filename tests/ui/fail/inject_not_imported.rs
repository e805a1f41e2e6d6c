//! Only a parameter says `#[inject]`, and it was not imported.

use signal_bus::subscriber;

struct Pool;

#[subscriber("orders.created")]
async fn store(order: String, #[inject] pool: &Pool) {
    let _ = (order, pool);
}

fn main() {}
