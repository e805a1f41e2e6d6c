//! A hole stands for a whole token of what a subscriber hears.

use signal_bus::subscriber;

#[subscriber("orders.v{version}.created")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
