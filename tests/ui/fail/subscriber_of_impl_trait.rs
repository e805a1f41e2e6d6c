//! Nobody knows with which type a subscriber of an `impl Trait` runs.

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store(order: impl Clone + Send + Sync + 'static) {
    drop(order);
}

fn main() {}
