//! A periodic publisher has nothing to publish.

use signal_bus::{periodic, publisher};

#[periodic(1)]
#[publisher("orders.created")]
async fn create() {}

fn main() {}
