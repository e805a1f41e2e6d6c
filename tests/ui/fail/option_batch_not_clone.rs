//! What a batch takes by value is cloned.

use signal_bus::subscriber;

struct Row;

#[subscriber("rows", batch = 100)]
async fn store(rows: Vec<Row>) {
    drop(rows);
}

fn main() {}
