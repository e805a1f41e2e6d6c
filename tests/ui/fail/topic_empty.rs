//! The topic is empty.

use signal_bus::subscriber;

#[subscriber("")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
