//! A stage returns a value that cannot leave its thread.

use std::rc::Rc;

use signal_bus::{publisher, subscriber};

#[subscriber("carts.closed")]
#[publisher("orders.created")]
async fn order(cart: String) -> Rc<String> {
    Rc::new(cart)
}

fn main() {}
