//! A retry whose waits become shorter.

use signal_bus::subscriber;

#[subscriber("orders.created", retry(factor = 0.5))]
async fn store(order: String) -> anyhow::Result<()> {
    drop(order);
    Ok(())
}

fn main() {}
