//! The topic is given by a name.

use signal_bus::publisher;

#[publisher(topic = "orders.created")]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
