//! An attribute stands on an impl block.

use signal_bus::subscriber;

struct Store;

#[subscriber("orders.created")]
impl Store {
    async fn store(&self, order: String) {
        drop(order);
    }
}

fn main() {
    drop(Store.store(String::new()));
}
