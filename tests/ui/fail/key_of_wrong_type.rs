//! The key looks at another type than the subscriber takes.

use signal_bus::subscriber;

#[derive(Clone)]
struct Order {
    id: u32,
}

struct Invoice {
    id: u32,
}

#[subscriber("orders.created", concurrency = 4, key = |invoice: &Invoice| invoice.id)]
async fn store(order: Order) {
    println!("{}", order.id);
}

fn main() {}
