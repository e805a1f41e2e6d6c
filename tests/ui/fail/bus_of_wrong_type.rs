//! A bus is named by a constant that is no `BusName`.

use signal_bus::subscriber;

const BILLING: &str = "billing";

#[subscriber("orders.created", bus = BILLING)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
