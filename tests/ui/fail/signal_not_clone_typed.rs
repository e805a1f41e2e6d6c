//! A subscriber takes a signal of a typed topic by value, and it cannot be cloned.

use signal_bus::{Topic, subscriber};

struct Order;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[subscriber(ORDERS)]
async fn store(order: Order) {
    drop(order);
}

fn main() {}
