//! A function is driven by signals and by the clock.

use signal_bus::{periodic, subscriber};

#[subscriber("orders.created")]
#[periodic(1)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
