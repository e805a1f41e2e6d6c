//! A topic is a number.

use signal_bus::publisher;

#[publisher(1)]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
