//! Nobody knows where a subscriber's `self` comes from.

use signal_bus::subscriber;

struct Store;

impl Store {
    #[subscriber("orders.created")]
    async fn store(&self, order: String) {
        drop(order);
    }
}

fn main() {
    drop(Store.store(String::new()));
}
