//! A batch holds its signals, and not references to them.

use signal_bus::subscriber;

#[derive(Clone)]
struct Row;

#[subscriber("rows", batch = 100)]
async fn store(rows: Vec<&Row>) {
    drop(rows);
}

#[subscriber("rows", batch = 100)]
async fn count(rows: &[&Row]) {
    let _ = rows.len();
}

fn main() {}
