//! No method of a service is annotated.

use signal_bus::service;

struct Store;

#[service]
impl Store {
    fn keep(&self) {}
}

fn main() {
    Store.keep();
}
