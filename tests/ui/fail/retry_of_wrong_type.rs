//! Attempts that are no number.

use signal_bus::subscriber;

const ATTEMPTS: &str = "5";
const FACTOR: &str = "2";

#[subscriber("orders.created", retry(attempts = ATTEMPTS, factor = FACTOR))]
async fn store(order: String) -> anyhow::Result<()> {
    drop(order);
    Ok(())
}

fn main() {}
