//! A return value goes to one place.

use signal_bus::{publisher, subscriber};

#[subscriber("quotes.price", reply)]
#[publisher("quotes.given")]
async fn price(item: String) -> u64 {
    item.len() as u64
}

fn main() {}
