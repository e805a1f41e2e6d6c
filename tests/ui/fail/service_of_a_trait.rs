//! `#[service]` stands on the impl of a trait.

use signal_bus::{service, subscriber};

struct Store;

trait Keep {
    fn keep(&self, order: String);
}

#[service]
impl Keep for Store {
    #[subscriber("orders.created")]
    fn keep(&self, order: String) {
        drop(order);
    }
}

fn main() {
    Store.keep(String::new());
}
