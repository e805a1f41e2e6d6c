//! What fills a hole cannot be printed.

use signal_bus::publisher;

struct Region;

#[publisher("orders.{region}.created")]
async fn create(region: Region) -> String {
    drop(region);
    "an order".to_owned()
}

fn main() {}
