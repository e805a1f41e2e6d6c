//! A batch is several signals.

use signal_bus::subscriber;

#[derive(Clone)]
struct Row;

#[subscriber("rows", batch = 100)]
async fn store(row: Row) {
    drop(row);
}

fn main() {}
