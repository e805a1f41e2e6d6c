//! Who is there: counts, lifecycle signals, what waits where, and a publisher that goes no faster than its readers.

use signal_bus::{Bus, Overflow, Signal, SubscriberEvent, publisher, subscriber};

#[publisher("prices.eur")]
async fn price(cents: u32) -> u32 {
    cents
}

#[subscriber("$bus.subscriber.*.prices.>")]
async fn monitor(event: Signal<SubscriberEvent>) {
    println!("{} now has {}", event.pattern, event.count);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let run = Bus::new().run_with(async |bus| {
        println!("anybody? {}", bus.has_subscribers("prices.eur"));
        let mut latest = bus
            .subscription::<u32>("prices.*")
            .capacity(1)
            .overflow(Overflow::DropOldest)
            .subscribe()?;
        let every = bus.subscribe::<u32>("prices.eur")?;
        for cents in [100, 101, 102] {
            price(cents).await;
        }
        for length in bus.queue_lengths("prices.*") {
            let (waiting, capacity) = (length.waiting, length.capacity);
            println!("{:?}: {waiting} of {capacity}", length.topics);
        }
        println!("the latest is {:?}", latest.try_recv().as_deref());
        println!("dropped: {}", bus.stats().total.dropped);

        let careful = bus.publisher("prices").max_waiting(2);
        drop((latest, every));
        let listener = bus.listen("prices.usd", |price: Signal<u32>| println!("usd {price}"))?;
        for cents in 0..5_u32 {
            careful.publish("usd", cents).await?;
        }
        listener.close().await?;
        anyhow::Ok(())
    });
    run.await?
}
