//! Two typed topics of different types share one parameter.

use signal_bus::{Topic, subscriber};

#[derive(Clone)]
struct Order;

#[derive(Clone)]
struct Invoice;

static ORDERS: Topic<Order> = Topic::new("orders.created");
static INVOICES: Topic<Invoice> = Topic::new("invoices.created");

#[subscriber(ORDERS, INVOICES)]
async fn book(order: Order) {
    drop(order);
}

fn main() {}
