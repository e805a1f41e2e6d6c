//! An attribute has another name here, so that its sibling did not know it.

use signal_bus::{publisher, subscriber as on};

#[publisher("orders.created")]
#[on("carts.closed")]
async fn order(cart: String) -> usize {
    cart.len()
}

fn main() {}
