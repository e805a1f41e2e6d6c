//! A listener's future runs on any thread.

use std::rc::Rc;

use signal_bus::{BusHandle, Signal};

fn count(bus: &BusHandle) {
    drop(bus.listen("orders", async |order: Signal<u32>| {
        let count = Rc::new(*order);
        tokio::task::yield_now().await;
        drop(count);
    }));
}

fn main() {}
