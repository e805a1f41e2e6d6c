//! The key cannot be hashed.

use signal_bus::subscriber;

#[derive(Clone)]
struct Order {
    weight: f64,
}

#[subscriber("orders.created", concurrency = 4, key = |order: &Order| order.weight)]
async fn store(order: Order) {
    println!("{}", order.weight);
}

fn main() {}
