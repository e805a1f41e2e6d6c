//! The filter looks at another type than the subscriber takes.

use signal_bus::subscriber;

#[derive(Clone)]
struct Order {
    total: u32,
}

struct Invoice {
    total: u32,
}

#[subscriber("orders.created", filter = |invoice: &Invoice| 0 < invoice.total)]
async fn store(order: Order) {
    println!("{}", order.total);
}

fn main() {}
