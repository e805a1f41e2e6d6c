//! A subscriber fails with a `String`, which is no error type.

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store(order: String) -> Result<(), String> {
    Err(order)
}

fn main() {}
