//! Is it well? How long handlers take, who stalls, and who makes publishers wait.

use std::time::Duration;

use signal_bus::{Bus, publisher, subscriber};
use tokio::time::sleep;

#[publisher("orders.created")]
async fn create(id: u64) -> u64 {
    id
}

#[subscriber("orders.created")]
async fn quick(id: u64) {
    sleep(Duration::from_millis(id % 10)).await;
}

#[subscriber("orders.created", capacity = 1)]
async fn hangs(_id: u64) {
    sleep(Duration::from_millis(400)).await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // 30 s unless set, which would be a long example.
    let bus = Bus::new().stall_after(Duration::from_millis(200));
    let run = bus.run_with(async |bus| {
        create(1).await;
        tokio::join!(create(2), async {
            sleep(Duration::from_millis(350)).await;
            println!("{}", bus.health());
        });
        bus.settled().await;
        let health = bus.health();
        println!("{health} again: {}", health.is_healthy());
        for subscription in bus.stats().subscriptions {
            if let Some(latency) = &subscription.latency {
                println!("{}: {latency}", subscription.site);
            }
        }
    });
    run.await
}
