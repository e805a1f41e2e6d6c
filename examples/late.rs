//! Who comes late: the newest signal of a sticky topic, a history from any point on, and what is published later.

use std::time::Duration;

use signal_bus::{Bus, Topic};

static CONFIG: Topic<String> = Topic::new("config").sticky();

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::empty().history("orders.>", 1000).start().await?;
    bus.publish(CONFIG, "level = info".into()).await?;
    bus.publish(CONFIG, "level = debug".into()).await?;
    for order in 1..=3_u32 {
        bus.publish("orders.eu", order).await?;
    }

    let mut config = bus.subscribe(CONFIG)?;
    println!("config: {}", config.recv().await.expect("it is kept"));

    let mut orders = bus
        .subscription::<u32>("orders.>")
        .from_oldest()
        .subscribe()?;
    let first = orders.recv().await.expect("there are three");
    println!("order {first}, number {}", first.sequence());
    drop(orders);

    // Goes on where it has stopped, without gap or double.
    let next = first.sequence() + 1;
    let mut orders = bus
        .subscription::<u32>("orders.>")
        .from_sequence(next)
        .subscribe()?;
    let reminder = bus.publish_after(Duration::from_millis(20), "orders.reminder", 4_u32)?;
    let never = bus.publish_after(Duration::from_secs(60), "orders.reminder", 5_u32)?;
    println!("taken back: {:?}", never.cancel());
    for _ in 0..3 {
        let order = orders.recv().await.expect("there are more");
        println!("order {order} on {}", order.topic());
    }
    assert!(!reminder.is_waiting());
    println!("{}", bus.close().await?);
    Ok(())
}
