//! A subscriber takes no signal.

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store() {}

fn main() {}
