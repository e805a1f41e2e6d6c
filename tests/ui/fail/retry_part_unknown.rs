//! A part of a retry that there is not.

use signal_bus::subscriber;

#[subscriber("orders.created", retry(attempts = 5, bases = "100ms"))]
async fn store(order: String) -> anyhow::Result<()> {
    drop(order);
    Ok(())
}

fn main() {}
