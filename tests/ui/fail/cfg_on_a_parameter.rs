//! A parameter is there, or not.

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store(#[cfg(unix)] order: String) {
    drop(order);
}

fn main() {}
