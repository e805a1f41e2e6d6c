//! A publisher returns nothing, or an error.

use signal_bus::publisher;

#[publisher("orders.created")]
async fn create() -> anyhow::Result<()> {
    Ok(())
}

fn main() {}
