//! An attribute stands on a module.

use signal_bus::subscriber;

#[subscriber("orders.created")]
mod orders {
    pub fn store(order: String) {
        drop(order);
    }
}

fn main() {
    orders::store(String::new());
}
