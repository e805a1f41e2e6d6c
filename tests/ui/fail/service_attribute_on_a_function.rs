//! `#[service]` stands on a function.

use signal_bus::service;

#[service]
fn store(order: String) {
    drop(order);
}

fn main() {}
