//! The topic carries orders; the stage returns invoices.

use signal_bus::{Topic, publisher, subscriber};

#[derive(Clone)]
struct Order;

struct Invoice;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[subscriber("carts.closed")]
#[publisher(ORDERS)]
async fn order(cart: String) -> anyhow::Result<Invoice> {
    drop(cart);
    Ok(Invoice)
}

fn main() {}
