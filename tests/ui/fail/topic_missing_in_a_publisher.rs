//! Parentheses without a topic.

use signal_bus::publisher;

#[publisher()]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
