//! A typed topic has an empty token.

use signal_bus::Topic;

static ORDERS: Topic<String> = Topic::new("orders..created");

fn main() {
    println!("{ORDERS:?}");
}
