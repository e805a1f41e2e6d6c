//! An attribute stands on a trait.

use signal_bus::subscriber;

#[subscriber("orders.created")]
trait Store {
    fn store(&self, order: String);
}

struct Shelf;

impl Store for Shelf {
    fn store(&self, order: String) {
        drop(order);
    }
}

fn main() {
    Shelf.store(String::new());
}
