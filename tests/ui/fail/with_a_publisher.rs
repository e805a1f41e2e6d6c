//! A publisher is picked by name, though it belongs to every bus.

use signal_bus::{Bus, publisher};

#[publisher("orders.created")]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {
    let _bus = Bus::empty().with::<create>();
}
