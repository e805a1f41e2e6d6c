//! Something else than a bus can do about panics, for a subscriber and for a periodic function.

use signal_bus::{periodic, subscriber};

#[subscriber("orders.created", on_trip = "close")]
async fn store(order: String) {
    drop(order);
}

#[subscriber("orders.created", on_trip = true)]
async fn count(order: String) {
    drop(order);
}

#[periodic(60, on_trip = close_buss)]
async fn sweep() {}

fn main() {}
