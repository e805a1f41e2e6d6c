//! A type is picked by name that is no service.

use signal_bus::Bus;

struct Store;

fn main() {
    let _bus = Bus::empty().with::<Store>();
}
