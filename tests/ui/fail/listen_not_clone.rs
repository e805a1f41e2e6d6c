//! A listener's closure is cloned for each signal.

use signal_bus::{BusHandle, Signal};

struct Counter(u32);

fn count(bus: &BusHandle, counter: Counter) {
    drop(bus.listen("orders", async move |order: Signal<u32>| {
        let counter = &counter;
        println!("{}", counter.0 + *order);
    }));
}

fn main() {}
