//! A crate is linked that is no dependency.

signal_bus::link!(orders);

fn main() {}
