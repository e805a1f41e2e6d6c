//! The topic carries orders; the subscriber borrows invoices.

use signal_bus::{Topic, subscriber};

struct Order;

struct Invoice;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[subscriber(ORDERS)]
async fn book(invoice: &Invoice) {
    let _ = invoice;
}

fn main() {}
