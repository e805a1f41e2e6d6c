//! An error has a type that says what it is.

use signal_bus::subscriber;

#[subscriber("quotes.price", reply)]
async fn price(item: String) -> Result<u64, String> {
    Err(item)
}

fn main() {}
