//! A retry that never calls the handler.

use signal_bus::subscriber;

#[subscriber("orders.created", retry(attempts = 0))]
async fn store(order: String) -> anyhow::Result<()> {
    drop(order);
    Ok(())
}

fn main() {}
