//! Two dots stand side by side.

use signal_bus::publisher;

#[publisher("orders..created")]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
