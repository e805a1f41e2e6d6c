//! What a listener returns is its outcome.

use signal_bus::{BusHandle, Signal};

fn count(bus: &BusHandle) {
    drop(bus.listen("orders", |order: Signal<u32>| *order));
}

fn main() {}
