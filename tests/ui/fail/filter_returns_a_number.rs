//! The filter answers with a number.

use signal_bus::subscriber;

#[derive(Clone)]
struct Order {
    total: u32,
}

#[subscriber("orders.created", filter = |order: &Order| order.total)]
async fn store(order: Order) {
    println!("{}", order.total);
}

fn main() {}
