//! The topic carries orders; the subscriber takes invoices.

use signal_bus::{Topic, subscriber};

#[derive(Clone)]
struct Order;

#[derive(Clone)]
struct Invoice;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[subscriber(ORDERS)]
async fn book(invoice: Invoice) {
    drop(invoice);
}

fn main() {}
