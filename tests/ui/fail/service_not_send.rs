//! A service cannot be shared between threads.

use std::cell::RefCell;

use signal_bus::{provider, service, subscriber};

struct Store {
    orders: RefCell<Vec<String>>,
}

#[service]
impl Store {
    #[provider]
    fn new() -> Self {
        Self {
            orders: RefCell::default(),
        }
    }

    #[subscriber("orders.created")]
    async fn store(&self, order: String) {
        self.orders.borrow_mut().push(order);
    }
}

fn main() {}
