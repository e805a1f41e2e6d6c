//! An option of `#[subscriber]` stands on a publisher.

use signal_bus::publisher;

#[publisher("orders.created", capacity = 16)]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
