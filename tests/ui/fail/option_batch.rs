//! Batches come in a later version.

use signal_bus::subscriber;

#[subscriber("rows", batch = 100)]
async fn store(rows: Vec<String>) {
    drop(rows);
}

fn main() {}
