//! A batch has several requests, and one return value.

use signal_bus::subscriber;

#[subscriber("quotes.price", batch = 10, reply)]
async fn price(items: Vec<String>) -> u64 {
    items.len() as u64
}

fn main() {}
