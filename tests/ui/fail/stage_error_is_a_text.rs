//! A stage fails with a `String`, which is no error type.

use signal_bus::{publisher, subscriber};

#[subscriber("carts.closed")]
#[publisher("orders.created")]
async fn order(cart: String) -> Result<u32, String> {
    cart.parse().map_err(|_| "not a number".to_owned())
}

fn main() {}
