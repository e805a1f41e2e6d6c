//! Batches: a hundred rows at once, or what has come in 50 ms; what waits is flushed when the bus closes.

use signal_bus::{Bus, publisher, subscriber};

#[derive(Clone)]
struct Row(u32);

#[publisher("rows")]
async fn insert(number: u32) -> Row {
    Row(number)
}

#[subscriber("rows", batch = 100, within = "50ms")]
async fn store(rows: Vec<Row>) -> anyhow::Result<()> {
    let (first, last) = (rows[0].0, rows[rows.len() - 1].0);
    println!("stored {} rows, {first} to {last}", rows.len());
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let insert_all = async {
        for number in 0..250 {
            insert(number).await;
        }
    };
    Bus::new().run(insert_all).await
}
