//! A function that awaits does not need the blocking pool.

use signal_bus::subscriber;

#[subscriber("orders.created", blocking)]
async fn store(order: String) {
    drop(order);
}

fn main() {}
