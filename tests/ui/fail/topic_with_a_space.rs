//! A topic has a space in it.

use signal_bus::subscriber;

#[subscriber("orders created")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
