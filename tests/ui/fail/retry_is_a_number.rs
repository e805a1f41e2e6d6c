//! A retry that could mean five attempts, or five more.

use signal_bus::subscriber;

#[subscriber("orders.created", retry = 5)]
async fn store(order: String) -> anyhow::Result<()> {
    drop(order);
    Ok(())
}

fn main() {}
