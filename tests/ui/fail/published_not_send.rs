//! A publisher returns a value that cannot leave its thread.

use std::rc::Rc;

use signal_bus::publisher;

#[publisher("orders.created")]
async fn create() -> Rc<String> {
    Rc::new("an order".to_owned())
}

fn main() {}
