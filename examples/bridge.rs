//! Two buses of one program: orders pass from either to the other once, what is local stays at home.

use signal_bus::{Bus, BusName, publisher, subscriber};

static SHOP: BusName = BusName::new("shop");
static BILLING: BusName = BusName::new("billing");

#[publisher("orders.created", bus = SHOP)]
async fn order(number: u32) -> u32 {
    number
}

#[publisher("orders.draft", bus = SHOP, local)]
async fn draft(number: u32) -> u32 {
    number
}

#[subscriber("orders.*", bus = BILLING)]
#[publisher("orders.billed.sum", bus = BILLING)]
async fn bill(number: u32) -> u32 {
    println!("billing: order {number}");
    number * 100
}

#[subscriber("orders.billed.*", bus = SHOP)]
async fn billed(sum: u32) {
    println!("shop: {sum} were billed");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let shop = Bus::named(&SHOP).start().await?;
    let billing = Bus::named(&BILLING).start().await?;
    let bridge = shop.bridge(&billing, "orders.>")?;
    draft(1).await;
    order(2).await;
    // The order has passed, was handled, and the bill has come back.
    shop.settled().await;
    billing.settled().await;
    bridge.close().await?;
    println!("shop: {}", shop.close().await?);
    println!("billing: {}", billing.close().await?);
    Ok(())
}
