//! A typed topic names many topics.

use signal_bus::Topic;

static ORDERS: Topic<String> = Topic::new("orders.*.created");

fn main() {
    println!("{ORDERS:?}");
}
