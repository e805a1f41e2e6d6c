//! A body that does not fit its signature is the compiler's to report.

use signal_bus::publisher;

#[publisher("orders.created")]
async fn create() -> String {
    1
}

fn main() {}
