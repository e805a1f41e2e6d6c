//! Nobody knows with which type a generic subscriber runs.

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store<T: Clone + Send + Sync + 'static>(order: T) {
    drop(order);
}

fn main() {}
