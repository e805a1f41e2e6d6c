//! A topic carries what cannot leave its thread.

use std::rc::Rc;

use signal_bus::{Topic, subscriber};

static ORDERS: Topic<Rc<String>> = Topic::new("orders.created");

#[subscriber(ORDERS)]
async fn store(order: &Rc<String>) {
    let _ = order;
}

fn main() {}
