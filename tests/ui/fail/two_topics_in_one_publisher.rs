//! A publisher's topics are listed.

use signal_bus::publisher;

#[publisher("orders.created", "orders.all")]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
