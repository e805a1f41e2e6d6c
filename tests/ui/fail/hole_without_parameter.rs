//! The topic has a hole that no parameter fills.

use signal_bus::publisher;

#[publisher("orders.{region}.created")]
async fn create(id: u32) -> String {
    format!("order {id}")
}

fn main() {}
