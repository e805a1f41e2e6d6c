//! Dead letters: what has failed is kept, is looked at, and is replayed when the cause is mended.

use std::sync::atomic::{AtomicBool, Ordering};

use signal_bus::{Bus, publisher, subscriber};

static OPEN: AtomicBool = AtomicBool::new(false);

#[publisher("parcels")]
async fn send(parcel: &str) -> String {
    parcel.to_owned()
}

#[subscriber("parcels")]
async fn deliver(parcel: &str) -> anyhow::Result<()> {
    anyhow::ensure!(OPEN.load(Ordering::Relaxed), "nobody opens the door");
    println!("delivered {parcel}");
    Ok(())
}

#[subscriber("parcels")]
async fn weigh(parcel: &str) {
    println!("{parcel} was weighed, once"); // a replay goes to those who have failed
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new()
        .keep_dead_letters(100)
        .on_error(|_, _| {})
        .start()
        .await?;
    send("the book").await;
    send("the lamp").await;
    bus.settled().await;
    for letter in &bus.dead_letters() {
        println!("letter {}: {letter}", letter.id());
    }

    OPEN.store(true, Ordering::Relaxed);
    let replayed = bus.dead_letters().replay_all().await?;
    println!("{replayed} letters were replayed");
    println!("{}", bus.close().await?);
    Ok(())
}
