//! A value is provided that cannot leave its thread.

use std::rc::Rc;

use signal_bus::Bus;

fn main() {
    let _bus = Bus::new().provide(Rc::new("config"));
}
