//! A provider's value cannot leave its thread.

use std::rc::Rc;

use signal_bus::provider;

struct Pool {
    name: Rc<str>,
}

#[provider]
fn pool() -> Pool {
    Pool {
        name: "pool".into(),
    }
}

fn main() {}
