//! What a publisher returns in a `Result` cannot be cloned.

use signal_bus::publisher;

struct Order;

#[publisher("orders.created")]
async fn create() -> anyhow::Result<Order> {
    Ok(Order)
}

fn main() {}
