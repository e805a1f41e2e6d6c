//! A stage can also be called by hand, and then the caller keeps the value.

use signal_bus::{publisher, subscriber};

struct Order;

#[subscriber("carts.closed")]
#[publisher("orders.created")]
async fn order(cart: String) -> Order {
    drop(cart);
    Order
}

fn main() {}
