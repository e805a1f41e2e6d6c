//! Whoever replies returns the reply.

use signal_bus::subscriber;

#[subscriber("quotes.price", reply)]
async fn price(item: String) {
    drop(item);
}

fn main() {}
