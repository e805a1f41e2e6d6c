//! A service's method wants to own its `self`.

use signal_bus::{provider, service, subscriber};

struct Store;

#[service]
impl Store {
    #[provider]
    fn new() -> Self {
        Self
    }

    #[subscriber("orders.created")]
    async fn store(self, order: String) {
        drop(order);
    }
}

fn main() {}
