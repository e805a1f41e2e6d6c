//! A hub and its readers, who come late, have enough, or stay to the end: each gets all that was said since it subscribed.

use std::time::Duration;

use signal_bus::{Bus, BusHandle, Subscription};
use tokio::time::sleep;

/// How long the publisher rests between two events.
const REST: Duration = Duration::from_millis(40);

async fn publish(bus: &BusHandle, events: u32) -> anyhow::Result<()> {
    for event in 0..events {
        let subscribers = bus.subscriber_count("events");
        println!("Publisher has {subscribers} subscribers");
        bus.publish("events", format!("THIS IS EVENT-{event}"))
            .await?;
        sleep(REST).await;
    }
    bus.close_topic("events")?;
    Ok(())
}

/// Begins to read after some rests, and has enough after some events. What is said meanwhile waits.
async fn read(number: usize, mut events: Subscription<String>, late: u32, enough: usize) {
    sleep(REST * late + REST / 2).await;
    println!("Subscriber{number} is ready now to read");
    let mut read = 0;
    while let Some(event) = events.recv().await {
        println!("Subscriber{number} got message: {event}");
        read += 1;
        if read == enough {
            println!("Subscriber{number} has enough reading!");
            break;
        }
    }
    println!("Subscriber{number} is terminating!");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let readers = [(0, 8), (1, 3), (0, usize::MAX), (1, 7), (2, usize::MAX)];
    let run = Bus::empty().run_with(async |bus| {
        let publisher = signal_bus::spawn({
            let bus = bus.clone();
            async move { publish(&bus, 10).await }
        });
        tokio::task::yield_now().await;
        let mut reading = tokio::task::JoinSet::new();
        for (number, (late, enough)) in readers.into_iter().enumerate() {
            let events = bus.subscribe::<String>("events")?;
            reading.spawn(read(number, events, late, enough));
        }
        reading.join_all().await;
        publisher.await?
    });
    run.await?
}
