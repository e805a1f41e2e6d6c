//! The topic carries orders; a periodic publisher returns a number.

use signal_bus::{Topic, periodic, publisher};

#[derive(Clone)]
struct Order;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[periodic(1)]
#[publisher(ORDERS)]
async fn create() -> u32 {
    1
}

fn main() {}
