//! A bus has a name that others can point at.

use signal_bus::Bus;

fn main() {
    let _bus = Bus::named("billing");
}
