//! A publisher's topic was never declared.

use signal_bus::publisher;

#[publisher(ORDERS)]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
