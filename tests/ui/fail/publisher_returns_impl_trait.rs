//! A publisher does not say which type it publishes.

use std::fmt::Display;

use signal_bus::publisher;

#[publisher("orders.created")]
async fn create() -> impl Display + Clone {
    1
}

fn main() {}
