//! An overflow policy that there is not.

use signal_bus::subscriber;

#[subscriber("orders.created", overflow = drop_old)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
