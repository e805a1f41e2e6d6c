//! The topic carries orders; a text is published, without waiting.

use signal_bus::{Bus, Topic};

struct Order;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new().start().await?;
    let text: String = "an order".to_owned();
    bus.try_publish(ORDERS, text)?;
    Ok(())
}
