//! A topic has more tokens than a topic may have.

use signal_bus::subscriber;

#[subscriber("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a")]
async fn store(order: String) {
    drop(order);
}

fn main() {}
