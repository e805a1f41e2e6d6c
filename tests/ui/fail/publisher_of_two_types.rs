//! A publisher sends one value to topics of two types.

use signal_bus::{Topic, publisher};

#[derive(Clone)]
struct Order;

#[derive(Clone)]
struct Invoice;

static ORDERS: Topic<Order> = Topic::new("orders.created");
static INVOICES: Topic<Invoice> = Topic::new("invoices.created");

#[publisher(ORDERS)]
#[publisher(INVOICES)]
async fn create() -> Order {
    Order
}

fn main() {}
