//! A type has the name of an annotated function.

use signal_bus::subscriber;

#[allow(non_camel_case_types)]
struct store {}

#[subscriber("orders.created")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
