//! A mistake in the body is the compiler's to report, at its place.

use signal_bus::{publisher, subscriber};

#[subscriber("carts.closed")]
#[publisher("orders.created")]
async fn order(cart: String) -> usize {
    cart.length()
}

fn main() {}
