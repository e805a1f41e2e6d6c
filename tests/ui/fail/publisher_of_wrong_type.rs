//! The topic carries orders; the publisher returns an invoice.

use signal_bus::{Topic, publisher};

#[derive(Clone)]
struct Order;

#[derive(Clone)]
struct Invoice;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[publisher(ORDERS)]
async fn create() -> Invoice {
    Invoice
}

fn main() {}
