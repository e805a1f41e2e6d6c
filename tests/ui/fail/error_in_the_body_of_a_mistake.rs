//! Two mistakes are told, each once: one of ours, one of the body.

use signal_bus::subscriber;

#[subscriber("orders..created")]
async fn store(order: String) {
    order.length();
}

fn main() {}
