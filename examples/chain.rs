//! A chain of three stages: the last signal comes out at the end though the scope is left at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use signal_bus::{Bus, inject, publisher, subscriber};

#[derive(Debug, Default)]
struct Arrived(AtomicU32);

#[publisher("a")]
async fn begin(number: u32) -> u32 {
    number
}

#[subscriber("a")]
#[publisher("b")]
async fn square_slowly(number: u32) -> u64 {
    tokio::time::sleep(Duration::from_millis(10)).await;
    u64::from(number) * u64::from(number)
}

#[subscriber("b")]
#[publisher("c")]
async fn only_even(number: u64) -> Option<String> {
    (number % 2 == 0).then(|| format!("{number} is even"))
}

#[subscriber("c")]
async fn end(text: String, #[inject] arrived: &Arrived) {
    let count = arrived.0.fetch_add(1, Ordering::Relaxed) + 1;
    println!("{count}: {text}");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arrived = Arc::new(Arrived::default());
    Bus::new()
        .provide_arc(Arc::clone(&arrived))
        .run(async {
            for number in 1..=100 {
                begin(number).await;
            }
            println!("100 begun");
        })
        .await?;
    println!("{} of 50 arrived", arrived.0.load(Ordering::Relaxed));
    Ok(())
}
