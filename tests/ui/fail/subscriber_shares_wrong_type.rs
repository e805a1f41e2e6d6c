//! The topic carries orders; the subscriber takes shared invoices.

use std::sync::Arc;

use signal_bus::{Topic, subscriber};

struct Order;

struct Invoice;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[subscriber(ORDERS)]
async fn book(invoice: Arc<Invoice>) {
    drop(invoice);
}

fn main() {}
