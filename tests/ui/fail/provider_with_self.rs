//! A provider makes what its `self` would be.

use signal_bus::{provider, service};

struct Store;

#[service]
impl Store {
    #[provider]
    fn new(&self) -> Store {
        Store
    }
}

fn main() {}
