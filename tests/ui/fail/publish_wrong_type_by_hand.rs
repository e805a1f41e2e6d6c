//! The topic carries orders; a number is published.

use signal_bus::{Bus, Topic};

struct Order;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new().start().await?;
    bus.publish(ORDERS, 1).await?;
    Ok(())
}
