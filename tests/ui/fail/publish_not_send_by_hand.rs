//! What is published cannot leave its thread.

use std::rc::Rc;

use signal_bus::Bus;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new().start().await?;
    let _ = bus.try_publish("orders.created", Rc::new(1));
    Ok(())
}
