//! A listener that nobody keeps leaves at once.

#![deny(unused_must_use)]

use signal_bus::{BusHandle, Signal, SubscribeError};

fn count(bus: &BusHandle) -> Result<(), SubscribeError> {
    bus.listen("orders", |_: Signal<u32>| {})?;
    Ok(())
}

fn main() {}
