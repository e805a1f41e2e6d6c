//! A typed topic is given by reference.

use signal_bus::{Topic, subscriber};

static ORDERS: Topic<String> = Topic::new("orders.created");

#[subscriber(&ORDERS)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
