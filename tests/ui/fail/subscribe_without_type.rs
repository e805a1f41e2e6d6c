//! A subscription by a string has to say which type it takes.

use signal_bus::BusHandle;

fn read(bus: &BusHandle) {
    let _orders = bus.subscribe("orders").unwrap();
}

fn main() {}
