//! A listener takes the signal, not its value.

use signal_bus::BusHandle;

struct Order;

fn read(bus: &BusHandle) {
    bus.listen("orders", async |order: Order| drop(order))
        .unwrap()
        .detach();
}

fn main() {}
