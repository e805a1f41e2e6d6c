//! A subscriber without `self` stands in a plain impl block.

use signal_bus::subscriber;

struct Store;

impl Store {
    #[subscriber("orders.created")]
    async fn store(order: String) {
        drop(order);
    }
}

fn main() {
    drop(Store::store(String::new()));
}
