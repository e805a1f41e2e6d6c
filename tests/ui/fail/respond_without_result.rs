//! A closure that replies says whether it has failed.

use signal_bus::{BusHandle, Signal};

fn respond(bus: &BusHandle) {
    let prices = bus.respond("quotes.price", async |item: Signal<String>| item.len());
    drop(prices);
}

fn main() {}
