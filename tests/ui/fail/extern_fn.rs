//! A subscriber is an `extern fn`.

use signal_bus::subscriber;

#[subscriber("orders.created")]
extern "C" fn store(order: String) {
    drop(order);
}

fn main() {}
