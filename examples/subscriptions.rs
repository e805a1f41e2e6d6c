//! Subscribing at run time: read by hand, listen with a closure, wait for one; and how each of them ends.

use signal_bus::{Bus, Signal, Topic};

static PAID: Topic<u32> = Topic::new("orders.paid");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;

    let mut created = bus.subscribe::<u32>(["orders.{region}.created", "orders.imported"])?;
    let listener = bus.listen("orders.>", async |order: Signal<u32>| {
        println!("listener: order {order} on {}", order.topic());
    })?;
    let first_paid = bus.once(PAID)?;

    bus.publish("orders.eu.created", 1_u32).await?;
    bus.publish("orders.imported", 2_u32).await?;
    bus.publish(PAID, 1).await?;
    println!("{} subscribers", bus.subscriber_count("orders.eu.created"));

    // What it has taken in is handled before it has ended.
    listener.close().await?;
    if let Some(order) = first_paid.await {
        println!("order {order} is the first that was paid");
    }
    while let Some(order) = created.try_recv() {
        let region = order.capture("region").unwrap_or("nowhere");
        println!("order {order} comes from {region}");
    }

    // A reader that comes late finds everything that waits for it, and then the end.
    bus.publish("orders.us.created", 3_u32).await?;
    created.close();
    while let Some(order) = created.recv().await {
        println!("order {order} was the last");
    }
    println!("{}", bus.close().await?);
    Ok(())
}
