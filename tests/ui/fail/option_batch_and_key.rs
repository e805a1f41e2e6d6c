//! A batch has no order by key.

use signal_bus::subscriber;

#[subscriber("rows", batch = 8, concurrency = 2, key = |row: &String| row.len())]
async fn store(rows: Vec<String>) {
    drop(rows);
}

fn main() {}
