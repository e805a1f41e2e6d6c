//! Retries come in a later version.

use signal_bus::subscriber;

#[subscriber("orders.created", retry(attempts = 5, base = "100ms", cap = "30s"))]
async fn store(order: String) -> anyhow::Result<()> {
    drop(order);
    Ok(())
}

fn main() {}
