//! Only a batch waits for others.

use signal_bus::subscriber;

#[subscriber("rows", within = "50ms")]
async fn store(row: String) {
    drop(row);
}

fn main() {}
