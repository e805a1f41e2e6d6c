//! A typed topic is subscribed to as what it carries.

use signal_bus::{BusHandle, Topic};

static NUMBERS: Topic<u32> = Topic::new("numbers");

fn read(bus: &BusHandle) {
    let _texts = bus.subscribe::<String>(NUMBERS).unwrap();
}

fn main() {}
