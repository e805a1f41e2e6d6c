//! A service's method wants its `self` for itself alone.

use signal_bus::{provider, service, subscriber};

struct Store {
    orders: Vec<String>,
}

#[service]
impl Store {
    #[provider]
    fn new() -> Self {
        Self { orders: Vec::new() }
    }

    #[subscriber("orders.created")]
    async fn store(&mut self, order: String) {
        self.orders.push(order);
    }
}

fn main() {}
