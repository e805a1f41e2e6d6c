//! The first topic of a stage carries carts; it takes orders.

use signal_bus::{Topic, publisher, subscriber};

struct Cart;

#[derive(Clone)]
struct Order;

static CARTS: Topic<Cart> = Topic::new("carts.closed");

#[subscriber(CARTS)]
#[publisher("orders.created")]
async fn order(order: Order) -> Order {
    order
}

fn main() {}
