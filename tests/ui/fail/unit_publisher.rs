//! A publisher returns nothing.

use signal_bus::publisher;

#[publisher("orders.created")]
async fn create() {}

fn main() {}
