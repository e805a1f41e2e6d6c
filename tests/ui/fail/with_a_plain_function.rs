//! A function is picked by name that has no attribute.

use signal_bus::Bus;

async fn store(order: String) {
    drop(order);
}

fn main() {
    let _bus = Bus::empty().with::<store>();
}
