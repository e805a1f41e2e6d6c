//! A closure cannot be found at link time.

use signal_bus::subscriber;

fn main() {
    #[subscriber("orders.created")]
    let _store = |order: String| drop(order);
}
