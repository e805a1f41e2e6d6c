//! A retry of timeouts where there are none.

use signal_bus::subscriber;

#[subscriber("orders.created", retry(timeouts))]
async fn store(order: String) -> anyhow::Result<()> {
    drop(order);
    Ok(())
}

fn main() {}
