//! An option is misspelt.

use signal_bus::subscriber;

#[subscriber("orders.created", concurency = 4)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
